// The roles and bindings of one scope, and how those of the scopes on the way up make a principal's grants.
import { fromBinary } from "@bufbuild/protobuf";
import { RoleBindingSchema } from "@photoncloud/proto/gen/iam/v1/role_binding_pb";
import { RoleSchema } from "@photoncloud/proto/gen/iam/v1/role_pb";
import type { ResourceRow } from "../../../store/store.ts";
import type { Grant } from "./policy.ts";
import { type CompiledRole, compileRole } from "./statements.ts";

interface Bound {
  readonly principal: string;
  readonly roleId: string;
}

export class ScopeTable {
  readonly roles = new Map<string, CompiledRole>();
  readonly #bindings = new Map<string, Bound>();
  readonly #byPrincipal = new Map<string, Map<string, Bound>>();

  of(principal: string): ReadonlyMap<string, Bound> | undefined {
    return this.#byPrincipal.get(principal);
  }

  /** Makes a row's place what the row says; undefined: it is gone. A tombstone gives nothing any more. */
  apply(kind: string, id: string, row: ResourceRow | undefined): void {
    const live = row?.phase === "live" ? row : undefined;
    if (kind === RoleSchema.typeName) this.#applyRole(id, live);
    else this.#applyBinding(id, live);
  }

  #applyRole(id: string, row: ResourceRow | undefined): void {
    if (row === undefined) this.roles.delete(id);
    else this.roles.set(id, compileRole(fromBinary(RoleSchema, row.data)));
  }

  #applyBinding(id: string, row: ResourceRow | undefined): void {
    const before = this.#bindings.get(id);
    this.#bindings.delete(id);
    if (before !== undefined) this.#byPrincipal.get(before.principal)?.delete(id);
    if (row === undefined) return;
    const { principal, roleId } = fromBinary(RoleBindingSchema, row.data);
    const bound = { principal, roleId };
    this.#bindings.set(id, bound);
    const mine = this.#byPrincipal.get(principal) ?? new Map<string, Bound>();
    this.#byPrincipal.set(principal, mine.set(id, bound));
  }
}

/** A scope on the way up. */
export type Level = { readonly scope: string; readonly table: ScopeTable };

/** The nearest scope first. A binding whose role is gone gives nothing. */
export function grantsIn(tables: readonly Level[], principal: string): readonly Grant[] {
  return tables.flatMap(({ scope, table }, level) =>
    [...(table.of(principal) ?? [])].flatMap(([bindingId, { roleId }]) => {
      const role = roleIn(tables, level, roleId);
      return role === undefined ? [] : [{ bindingId, scope, role }];
    }),
  );
}

/** A role by its id as a binding of a level names it: of its own scope, or of the nearest above. */
function roleIn(tables: readonly Level[], level: number, id: string): CompiledRole | undefined {
  for (let above = level; above < tables.length; above += 1) {
    const role = tables[above]?.table.roles.get(id);
    if (role !== undefined) return role;
  }
  return undefined;
}
