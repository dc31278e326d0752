// The handlers of actions.
import type { CatalogFacts as Catalog } from "@photoncloud/proto";
import type { Attribute } from "../attribute.ts";
import { configUnknown, providerUnknown } from "../deferral.ts";
import { type Diagnostic, explain } from "../diagnostics.ts";
import { guarded, onlyDiagnostics } from "../guarded.ts";
import { lazily } from "../known.ts";
import type { Handlers } from "../plugin/provider-methods.ts";
import type { Session } from "../session.ts";
import { wireDiagnostics } from "../wire.ts";
import { Action } from "./action.ts";
import { actionSchemas } from "./action-schema.ts";

type Names = "validateActionConfig" | "planAction" | "invokeAction";

const completed = (diagnostics: readonly Diagnostic[]) => ({
  type: { $case: "completed" as const, value: { diagnostics: wireDiagnostics(diagnostics) } },
});
const progressed = (message: string) => ({ type: { $case: "progress" as const, value: { message } } });

export function actionHandlers(catalog: Catalog, session: Session): Pick<Required<Handlers>, Names> {
  const actions = lazily((name) => {
    const schema = actionSchemas(catalog).find(({ typeName }) => typeName === `photoncloud_${name}`);
    return schema && new Action(schema, session);
  });
  return {
    validateActionConfig: ({ actionType, config }) =>
      guarded(
        `checking ${actionType}`,
        async () => {
          const { part, codec } = actions(actionType);
          return onlyDiagnostics(part.validate(codec.decode(config) ?? new Map()));
        },
        onlyDiagnostics,
      ),
    planAction: ({ actionType, config, clientCapabilities }) =>
      guarded(
        `planning ${actionType}`,
        async () => {
          const { part, codec } = actions(actionType);
          const given = codec.decode(config) ?? new Map();
          if (!(clientCapabilities?.deferralAllowed ?? false)) return onlyDiagnostics(part.validate(given));
          if (!session.connected) return { deferred: providerUnknown };
          return part.isUndecided(given) ? { deferred: configUnknown } : onlyDiagnostics(part.validate(given));
        },
        onlyDiagnostics,
      ),
    async *invokeAction({ actionType, config }, signal) {
      let attributes: readonly Attribute[] = [];
      try {
        const { part, codec } = actions(actionType);
        attributes = part.schema.attributes;
        const running = part.invoke(codec.decode(config) ?? new Map(), signal);
        let step = await running.next();
        for (; step.done !== true; step = await running.next()) yield progressed(step.value);
        yield completed(step.value);
      } catch (error) {
        yield completed(explain(error, attributes, `invoking ${actionType}`));
      }
    },
  };
}
