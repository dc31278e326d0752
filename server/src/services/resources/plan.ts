// Plans.
import type { Message } from "@bufbuild/protobuf";
import { Fault } from "../../fault.ts";
import type { Call } from "../call.ts";
import type { Slice } from "./slices.ts";
import type { Transactions } from "./transactions.ts";

export async function plan(
  _transactions: Transactions,
  _slice: Slice,
  _request: Message,
  _call: Call,
): Promise<Message> {
  throw new Fault("UNIMPLEMENTED", "plans are not served yet");
}
