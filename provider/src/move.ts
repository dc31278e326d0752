// `moved` blocks that lead from one resource type or provider to another: the same kind under another address of this provider alone.
import { isMap } from "./cty/value.ts";
import { Problem, plainError } from "./diagnostics.ts";
import { guarded, onlyDiagnostics } from "./guarded.ts";
import { type Identified, identityOf } from "./identity.ts";
import type { Known } from "./known.ts";
import type { Handlers, RequestOf } from "./plugin/provider-methods.ts";

/** "registry.photoncloud.internal/photoncloud/photoncloud", wherever the provider was installed from. */
const ours = /(^|\/)photoncloud$/;

function refuse({
  sourceProviderAddress: from,
  sourceTypeName: was,
  targetTypeName: will,
}: RequestOf<"moveResourceState">) {
  const instead = "Leave the moved block out, and import the resource where it should be managed.";
  if (!ours.test(from))
    throw new Problem([
      plainError(
        "It can't be moved",
        `A ${was} of the provider ${from} can't become a ${will} of PhotonCloud's. ${instead}`,
      ),
    ]);
  if (was !== will)
    throw new Problem([
      plainError(
        "It can't be moved",
        `A ${was} can't become a ${will}: they are different kinds of things. ${instead}`,
      ),
    ]);
}

/** MoveResourceState: what was kept under another address of the provider is kept here as it was. */
export const moveHandler = (
  resources: (typeName: string) => Known<Identified>,
  identities: (typeName: string) => Known<Identified>,
): Pick<Required<Handlers>, "moveResourceState"> => ({
  moveResourceState: (request) =>
    guarded(
      `moving a ${request.sourceTypeName}`,
      async () => {
        refuse(request);
        const { codec } = resources(request.targetTypeName);
        const state = codec.fromJson(request.sourceState?.json ?? Buffer.from("null"));
        if (!isMap(state)) throw new Problem([plainError("The state can't be read", "The state to move is empty.")]);
        return {
          targetState: codec.encode(state),
          targetPrivate: request.sourcePrivate,
          targetIdentity: identityOf(identities(request.targetTypeName), state),
        };
      },
      onlyDiagnostics,
    ),
});
