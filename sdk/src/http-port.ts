// What carries one HTTP request: axios, or whatever answers and fails as axios does.

export interface HttpRequest {
  readonly method: "POST" | "PUT";
  /** Behind the endpoint: "/prismnet.v1.VpcService/CreateVpc". */
  readonly url: string;
  readonly data: unknown;
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  /** Left out: the answer is read whole, and JSON is parsed. */
  readonly responseType?: "stream";
  readonly maxBodyLength?: number;
}

export interface HttpAnswer {
  readonly data: unknown;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface Http {
  readonly defaults: { readonly baseURL?: string | undefined };
  /** @throws HttpError for a status other than 2xx, and where no answer came. */
  request(request: HttpRequest): Promise<HttpAnswer>;
}

/** Carries nothing of the request: neither the token nor the body. */
export interface HttpError extends Error {
  readonly isAxiosError: boolean;
  /** Of Node's network and TLS errors. */
  readonly code?: string | undefined;
  readonly response?: (HttpAnswer & { readonly status: number }) | undefined;
}

export const isHttpError = (thrown: unknown): thrown is HttpError =>
  thrown instanceof Error && "isAxiosError" in thrown && thrown.isAxiosError === true;
