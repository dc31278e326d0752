// gRPC server reflection, in its two versions: what buf curl and grpcurl ask when they are given no schema.
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter } from "@connectrpc/connect";
import type { Catalog } from "@photoncloud/proto";
import { file_grpc_health_v1_health } from "@photoncloud/proto/gen/grpc/health/v1/health_pb";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  ServerReflectionResponseSchema,
} from "@photoncloud/proto/gen/grpc/reflection/v1/reflection_pb";
import {
  type ServerReflectionRequest as OldRequest,
  ServerReflectionRequestSchema as OldRequestSchema,
  ServerReflectionResponseSchema as OldResponseSchema,
  ServerReflection as ServerReflectionV1Alpha,
} from "@photoncloud/proto/gen/grpc/reflection/v1alpha/reflection_pb";
import { shortened } from "./brevity.ts";
import { reflectedFiles } from "./reflected-files.ts";
import { type LimitStrangers, untilEnded } from "./streams.ts";
import { indexSymbols, type Symbols } from "./symbols.ts";

type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;
type Question = ServerReflectionRequest["messageRequest"];

/** gRPC's status code for "not found". */
const notFound = 5;
const unimplemented = 12;

function failure(errorCode: number, errorMessage: string): Answer {
  return { case: "errorResponse", value: { errorCode, errorMessage: shortened(errorMessage, 300) } };
}

/** A file and all that it imports, so that one question is enough. */
function withImports(
  file: FileDescriptorProto,
  files: ReadonlyMap<string, FileDescriptorProto>,
): FileDescriptorProto[] {
  const found = new Set([file]);
  for (const one of found)
    for (const name of one.dependency) {
      const imported = files.get(name);
      if (imported !== undefined) found.add(imported);
    }
  return [...found];
}

function createAnswers(files: ReadonlyMap<string, FileDescriptorProto>, symbols: Symbols) {
  const bytes = new Map<FileDescriptorProto, Uint8Array>();
  const serialized = (file: FileDescriptorProto) => {
    const done = bytes.get(file) ?? toBinary(FileDescriptorProtoSchema, file);
    bytes.set(file, done);
    return done;
  };
  const fileAnswer = (file: FileDescriptorProto | undefined, what: string): Answer => {
    if (file === undefined) return failure(notFound, `there is no ${what}`);
    const fileDescriptorProto = withImports(file, files).map(serialized);
    return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
  };
  const numbersAnswer = (type: string): Answer => {
    if (!symbols.files.has(type)) return failure(notFound, `there is no message ${type}`);
    const extensionNumber = [...(symbols.extensions.get(type)?.keys() ?? [])];
    return { case: "allExtensionNumbersResponse", value: { baseTypeName: type, extensionNumber } };
  };
  return (question: Question): Answer => {
    switch (question.case) {
      case "listServices":
        return { case: "listServicesResponse", value: { service: symbols.services.map((name) => ({ name })) } };
      case "fileByFilename":
        return fileAnswer(files.get(question.value), `file ${question.value}`);
      case "fileContainingSymbol":
        return fileAnswer(symbols.files.get(question.value), `symbol ${question.value}`);
      case "fileContainingExtension": {
        const { containingType: type, extensionNumber: number } = question.value;
        return fileAnswer(symbols.extensions.get(type)?.get(number), `extension ${number} of ${type}`);
      }
      case "allExtensionNumbersOfType":
        return numbersAnswer(question.value);
      case undefined:
        return failure(unimplemented, "the request asks nothing that this server knows");
    }
  };
}

/** Adds both versions of the protocol; their messages differ in nothing but their package. */
export function addReflection(
  router: ConnectRouter,
  catalog: Catalog,
  limit: LimitStrangers,
  stopping: AbortSignal,
): void {
  const others = [file_grpc_health_v1_health, ServerReflection.file, ServerReflectionV1Alpha.file];
  const files = reflectedFiles(catalog, others);
  const answer = createAnswers(files, indexSymbols(files.values()));
  const terms = { ends: stopping };
  const respond = (request: ServerReflectionRequest) =>
    create(ServerReflectionResponseSchema, {
      validHost: request.host,
      originalRequest: request,
      messageResponse: answer(request.messageRequest),
    });

  async function* answers(requests: AsyncIterable<ServerReflectionRequest>) {
    for await (const request of untilEnded(requests, terms)) yield respond(request);
  }
  async function* oldAnswers(requests: AsyncIterable<OldRequest>) {
    for await (const old of untilEnded(requests, terms)) {
      const request = fromBinary(ServerReflectionRequestSchema, toBinary(OldRequestSchema, old));
      const response = toBinary(ServerReflectionResponseSchema, respond(request));
      yield fromBinary(OldResponseSchema, response);
    }
  }

  router.service(ServerReflection, {
    serverReflectionInfo: (requests, context) => limit(context, answers(requests)),
  });
  router.service(ServerReflectionV1Alpha, {
    serverReflectionInfo: (requests, context) => limit(context, oldAnswers(requests)),
  });
}
