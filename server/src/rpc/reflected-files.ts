// The descriptors that reflection shows: the files as they are, and those that the aliases stand for, made from them.
import { clone, create, type DescFile } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  type MethodDescriptorProto,
  ServiceDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import type { Catalog } from "@photoncloud/proto";
import { type PackageAlias, packageAliases, packageOf, type ServiceAlias, serviceAliases } from "./aliases.ts";

/** "prismnet.v1" → "prismnet/v1/" */
const folderOf = (packageName: string) => `${packageName.replaceAll(".", "/")}/`;

type Rename = (typeName: string) => string;

function renameMessage(message: DescriptorProto, rename: Rename): void {
  for (const field of message.field) field.typeName = rename(field.typeName);
  for (const nested of message.nestedType) renameMessage(nested, rename);
}

function renameMethod(method: MethodDescriptorProto, rename: Rename): void {
  method.inputType = rename(method.inputType);
  method.outputType = rename(method.outputType);
}

/** A file of a package under the package's other name; what it imports from the same package is renamed with it. */
function renamed(file: FileDescriptorProto, alias: PackageAlias): FileDescriptorProto {
  const copy = clone(FileDescriptorProtoSchema, file);
  const own = `.${alias.of}.`;
  const rename: Rename = (name) => (name.startsWith(own) ? `.${alias.name}.${name.slice(own.length)}` : name);
  const move = (path: string) =>
    path.startsWith(folderOf(alias.of)) ? folderOf(alias.name) + path.slice(folderOf(alias.of).length) : path;
  copy.name = move(copy.name);
  copy.package = alias.name;
  copy.dependency = copy.dependency.map(move);
  for (const message of copy.messageType) renameMessage(message, rename);
  for (const service of copy.service) for (const method of service.method) renameMethod(method, rename);
  return copy;
}

/** A file with one service that has the methods of many. */
function bundled(catalog: Catalog, alias: ServiceAlias): FileDescriptorProto {
  const services = catalog.kinds.map((kind) => kind.service).filter((s) => packageOf(s) === alias.unionOf);
  const files = new Set(services.map((service) => service.file));
  const name = alias.name.slice(alias.name.lastIndexOf(".") + 1);
  const own = [...files].map((file) => file.proto.name);
  return create(FileDescriptorProtoSchema, {
    name: `${folderOf(alias.unionOf)}aliases/${name}.proto`,
    package: alias.name.slice(0, alias.name.lastIndexOf(".")),
    syntax: "proto3",
    dependency: [...new Set([...own, ...[...files].flatMap((file) => file.proto.dependency)])],
    service: [create(ServiceDescriptorProtoSchema, { name, method: services.flatMap((s) => s.proto.method) })],
  });
}

function withImports(files: Iterable<DescFile>, into: Map<string, FileDescriptorProto>): void {
  for (const file of files) {
    if (into.has(file.proto.name)) continue;
    into.set(file.proto.name, file.proto);
    withImports(file.dependencies, into);
  }
}

/** Every file that a client may ask for, by its name. */
export function reflectedFiles(catalog: Catalog, others: readonly DescFile[]): Map<string, FileDescriptorProto> {
  const files = new Map<string, FileDescriptorProto>();
  withImports([...catalog.services.map((service) => service.file), ...others], files);
  const made = packageAliases.flatMap((alias) =>
    [...files.values()].filter((file) => file.package === alias.of).map((file) => renamed(file, alias)),
  );
  for (const alias of serviceAliases) made.push(bundled(catalog, alias));
  for (const file of made) files.set(file.name, file);
  return files;
}
