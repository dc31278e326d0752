// An index of descriptors: which file declares a full name or an extension.
import type { DescriptorProto, EnumDescriptorProto, FileDescriptorProto } from "@bufbuild/protobuf/wkt";

export interface Symbols {
  /** By full name: "prismnet.v1.Vpc", "prismnet.v1.VpcService.CreateVpc". */
  readonly files: ReadonlyMap<string, FileDescriptorProto>;
  /** By the extended message's full name, then by number. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, FileDescriptorProto>>;
  readonly services: readonly string[];
}

function enumNames(desc: EnumDescriptorProto, prefix: string): string[] {
  // An enum's values are named beside it, not inside it (protobuf language guide, "Enumerations").
  return [`${prefix}${desc.name}`, ...desc.value.map((value) => `${prefix}${value.name}`)];
}

function messageNames(desc: DescriptorProto, prefix: string): string[] {
  const name = `${prefix}${desc.name}`;
  return [
    name,
    ...desc.field.map((field) => `${name}.${field.name}`),
    ...desc.oneofDecl.map((oneof) => `${name}.${oneof.name}`),
    ...desc.nestedType.flatMap((nested) => messageNames(nested, `${name}.`)),
    ...desc.enumType.flatMap((nested) => enumNames(nested, `${name}.`)),
  ];
}

function fileNames(file: FileDescriptorProto): string[] {
  const prefix = file.package === "" ? "" : `${file.package}.`;
  return [
    ...file.messageType.flatMap((message) => messageNames(message, prefix)),
    ...file.enumType.flatMap((desc) => enumNames(desc, prefix)),
    ...file.extension.map((extension) => `${prefix}${extension.name}`),
    ...file.service.flatMap((service) => [
      `${prefix}${service.name}`,
      ...service.method.map((method) => `${prefix}${service.name}.${method.name}`),
    ]),
  ];
}

export function indexSymbols(all: Iterable<FileDescriptorProto>): Symbols {
  const files = new Map<string, FileDescriptorProto>();
  const extensions = new Map<string, Map<number, FileDescriptorProto>>();
  const services: string[] = [];
  for (const file of all) {
    for (const name of fileNames(file)) files.set(name, file);
    for (const { name } of file.service) services.push(`${file.package}.${name}`);
    for (const extension of file.extension) {
      const extendee = extension.extendee.replace(/^\./, "");
      const known = extensions.get(extendee) ?? new Map<number, FileDescriptorProto>();
      extensions.set(extendee, known.set(extension.number, file));
    }
  }
  return { files, extensions, services: services.sort() };
}
