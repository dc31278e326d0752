// What the catalog says, without the descriptors that it was read from: as much as can be written down and read again (packed.ts).
import type { ScalarType } from "@bufbuild/protobuf";
import type { Field, FieldType, Kind, Method, StandardVerb } from "./catalog.ts";
import type { Field as FieldOptions, Range } from "./gen/photoncloud/meta/v1/meta_pb.ts";

/** As names.ts reads it. */
export interface EnumFacts {
  readonly sharedPrefix?: string | undefined;
  readonly values: readonly { readonly name: string; readonly number: number }[];
}

type Plain = Exclude<FieldType, { readonly type: "enum" | "message" | "list" | "map" }>;

export type TypeFacts =
  | Plain
  | { readonly type: "enum"; readonly desc: EnumFacts }
  | { readonly type: "message"; readonly fields: readonly FieldFacts[] }
  | { readonly type: "list" | "map"; readonly of: TypeFacts };

export interface OneofFacts {
  readonly name: string;
  readonly localName: string;
  readonly fields: readonly { readonly name: string }[];
}

/** The least and the most, both allowed; undefined: no limit. */
export type Limits = Pick<Range, "min" | "max">;

/** What the annotations say of a value. */
export interface RuleFacts
  extends Pick<
    FieldOptions,
    "format" | "keyFormat" | "pattern" | "example" | "unit" | "default" | "fixedDefault" | "addsTo"
  > {
  readonly size?: Limits | undefined;
  readonly range?: Limits | undefined;
}

export interface FieldFacts extends Omit<Field, "desc" | "type" | "oneof" | "options"> {
  readonly desc: {
    readonly jsonName: string;
    readonly scalar?: ScalarType | undefined;
    readonly parent: { readonly typeName: string };
  };
  readonly type: TypeFacts;
  readonly oneof: OneofFacts | undefined;
  readonly options: RuleFacts | undefined;
}

export interface MethodFacts extends Omit<Method, "desc" | "inputs" | "outputs"> {
  readonly desc: {
    readonly name: string;
    readonly methodKind: Method["desc"]["methodKind"];
    readonly parent: { readonly typeName: string };
  };
  readonly inputs: readonly FieldFacts[];
  readonly outputs: readonly FieldFacts[];
}

export interface KindFacts extends Omit<Kind, "desc" | "service" | "fields" | "standard" | "custom" | "queries"> {
  readonly fields: readonly FieldFacts[];
  readonly standard: Readonly<Record<StandardVerb, MethodFacts>>;
  readonly custom: readonly MethodFacts[];
  readonly queries: readonly MethodFacts[];
}

/** Every `Catalog` is one. */
export interface CatalogFacts {
  readonly kinds: readonly KindFacts[];
  readonly methods: {
    get(name: string): MethodFacts | undefined;
    values(): Iterable<MethodFacts>;
  };
  byNoun(noun: string): KindFacts | undefined;
}
