// Firecracker's API: HTTP on a unix socket, JSON both ways, 204 for what was done and 400 with a `fault_message` for what was not.
import { request } from "node:http";
import { DriverError } from "../../driver-error.ts";

/** One request. */
export interface ApiRequest {
  readonly method: "GET" | "PUT" | "PATCH";
  readonly path: string;
  readonly body?: object;
  /** What it is about, in words that its owner knows: "disk root". */
  readonly about: string;
}

/** How long an answer may take, in milliseconds: a start maps the guest's memory. */
const answerMs = 20_000;
/** The longest answer that is read, in bytes; the longest that is sent tells a whole configuration, some kilobytes. */
const longestAnswer = 1024 ** 2;

interface Answer {
  readonly status: number;
  readonly text: string;
}

/**
 * Answers the JSON of a 200; undefined for a 204.
 *
 * @throws DriverError "refused" with what Firecracker says, "unavailable" if nobody answers.
 */
export async function call(socket: string, asked: ApiRequest): Promise<unknown> {
  const { status, text } = await exchange(socket, asked).catch((cause: unknown) => {
    throw new DriverError("unavailable", `${asked.about}: Firecracker does not answer`, { cause });
  });
  if (status === 204) return undefined;
  const answer = parse(text);
  if (status === 200) return answer;
  throw new DriverError("refused", `Firecracker refuses ${asked.about}: ${faultOf(answer) ?? `status ${status}`}`);
}

/** The length is told: Firecracker takes no chunks. */
function exchange(socketPath: string, { method, path, body }: ApiRequest): Promise<Answer> {
  const sent = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const headers =
    sent === undefined ? {} : { "content-type": "application/json", "content-length": String(sent.length) };
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(answerMs);
    const asked = request({ socketPath, method, path, headers, agent: false, signal }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
        if (text.length > longestAnswer) asked.destroy(new Error("the answer is too long"));
      });
      response.once("end", () => resolve({ status: response.statusCode ?? 0, text }));
      response.once("error", reject);
    });
    asked.once("error", reject);
    asked.end(sent);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function faultOf(answer: unknown): string | undefined {
  if (typeof answer !== "object" || answer === null || !("fault_message" in answer)) return undefined;
  return typeof answer.fault_message === "string" ? answer.fault_message.trim() : undefined;
}
