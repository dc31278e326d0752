// The API of the stand-in: HTTP as Firecracker speaks it, and the rules that hold for every request.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Fault, type MicrovmModel } from "./model.ts";
import { bodyFault, findRoute, type Route } from "./routes.ts";

/** Firecracker's limit on a body, in bytes. */
const longestBody = 51_200;

/** Told of each request and each refusal, as Firecracker's log is. */
export type Log = (words: string) => void;

export function apiServer(model: MicrovmModel, log: Log): Server {
  return createServer((asked, answer) => void serve(model, log, asked, answer));
}

async function serve(model: MicrovmModel, log: Log, asked: IncomingMessage, answer: ServerResponse): Promise<void> {
  try {
    const body = await bodyOf(asked);
    log(`The API server received a ${asked.method} request on ${asked.url} with body ${body}`);
    const told = handle(model, asked, body);
    answer.writeHead(told === undefined ? 204 : 200, { "content-type": "application/json" });
    answer.end(told === undefined ? undefined : JSON.stringify(told));
  } catch (error) {
    const fault_message = error instanceof Error ? error.message : String(error);
    log(`Received Error. Status code: 400 Bad Request. Message: ${fault_message}`);
    answer.writeHead(400, { "content-type": "application/json" });
    answer.end(JSON.stringify({ fault_message }));
  }
}

async function bodyOf(asked: IncomingMessage): Promise<string> {
  if (asked.headers["transfer-encoding"] !== undefined) throw new Fault("Unsupported header: Transfer-Encoding");
  let body = "";
  for await (const chunk of asked.setEncoding("utf8")) body += String(chunk);
  if (body.length > longestBody) throw new Fault("Request payload too large");
  return body;
}

function handle(model: MicrovmModel, { method = "", url = "" }: IncomingMessage, text: string): object | undefined {
  const found = findRoute(method, url);
  if (found === undefined) throw new Fault(`Invalid request method and/or path: ${method} ${url}.`);
  const { route, id } = found;
  if (method === "GET") {
    if (text !== "") throw new Fault("GET request cannot have a body.");
    return model.tell(url);
  }
  if (text === "") throw new Fault(`Empty ${method} request.`);
  if (route.path.includes("{id}")) checkName(id);
  const body = parse(route, text);
  checkTime(model, route);
  model.take(method, url, id, body);
  return undefined;
}

function checkName(id: string): void {
  if (id === "") throw new Fault("The ID cannot be empty.");
  if (!/^[A-Za-z0-9_]+$/.test(id))
    throw new Fault("API Resource IDs can only contain alphanumeric characters and underscores.");
}

function parse({ body: rule }: Route, text: string): Record<string, unknown> {
  const wrong = "An error occurred when deserializing the json body of a request: ";
  const body: unknown = JSON.parse(text);
  if (typeof body !== "object" || body === null) throw new Fault(`${wrong}invalid type.`);
  const members = Object.fromEntries(Object.entries(body));
  const fault = rule === undefined ? undefined : bodyFault(rule, members);
  if (fault !== undefined) throw new Fault(`${wrong}${fault}.`);
  return members;
}

function checkTime(model: MicrovmModel, { when }: Route): void {
  const started = model.state !== "Not started";
  if (when === "before" && started)
    throw new Fault("The requested operation is not supported after starting the microVM.");
  if (when === "after" && !started)
    throw new Fault("The requested operation is not supported before starting the microVM.");
}
