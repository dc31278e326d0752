// Ids that people choose: which are taken by the cloud itself, and what a name is where none was given.

import type { DescMessage } from "@bufbuild/protobuf";
import { invalidField } from "../../fault.ts";
import type { Loaded } from "../kind.ts";

/** The org of the cloud's own administrators. */
export const systemOrg = "system";
/** Words that the cloud writes where an id could stand: an org or a user of that id would be taken for it in a log. */
const reserved: ReadonlySet<string> = new Set([systemOrg, "engine"]);

/** Refuses a new resource with a reserved id. */
export function refuseReserved(id: string, prior: Loaded<DescMessage> | undefined): void {
  if (prior === undefined && reserved.has(id))
    throw invalidField("id", "reserved", `${JSON.stringify(id)} is the cloud's own; choose another id`);
}

/** A resource without a name for people is called by its id. */
export function nameById(message: { id: string; name: string }): void {
  if (message.name === "") message.name = message.id;
}
