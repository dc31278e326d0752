// What a handler answers when it fails: diagnostics, and no error of gRPC's.
import { type Diagnostic, explain } from "./diagnostics.ts";
import { wireDiagnostics } from "./wire.ts";

/** Nothing is thrown through to Terraform: it would call it a crash, and lose what was made. */
export async function guarded<Answer, Failure>(
  doing: string,
  run: () => Promise<Answer>,
  failed: (d: readonly Diagnostic[]) => Failure,
): Promise<Answer | Failure> {
  try {
    return await run();
  } catch (error) {
    return failed(explain(error, [], doing));
  }
}

/** The answer of a handler that has nothing else to say. */
export const onlyDiagnostics = (diagnostics: readonly Diagnostic[]) => ({ diagnostics: wireDiagnostics(diagnostics) });
