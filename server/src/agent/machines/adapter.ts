// Connect's handlers on a plain HTTP/2 server. A caller that is gone before its answer is nothing to complain of.
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { type ConnectRouter, createConnectRouter, type Interceptor } from "@connectrpc/connect";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import type { AgentLog } from "../log.ts";

export interface AdapterOptions {
  readonly interceptors: Interceptor[];
  readonly shutdownSignal: AbortSignal;
  readonly log: AgentLog;
}

export function adapter(
  { interceptors, shutdownSignal, log }: AdapterOptions,
  add: (router: ConnectRouter) => void,
): (request: Http2ServerRequest, response: Http2ServerResponse) => void {
  const router = createConnectRouter({ interceptors, shutdownSignal });
  add(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const handler = handlers.get(request.url);
    if (handler === undefined) {
      response.writeHead(404).end();
      return;
    }
    handler(universalRequestFromNodeRequest(request, response, undefined, undefined))
      .then((answer) => universalResponseToNodeResponse(answer, response))
      .catch((err: unknown) => log.debug({ err, call: handler.method.name }, "an answer found nobody"));
  };
}
