// Whether a run of all tests counts as passed, and what is said of it. A test that was skipped has proved nothing: in CI that is a failure.

/** What Jest says of a run (`--json`), as far as it matters here. */
export interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Files that could not be run. */
  readonly numRuntimeErrorTestSuites: number;
  readonly testResults: readonly { readonly assertionResults: readonly Assertion[] }[];
}

interface Assertion {
  /** "passed", "failed", "pending", "todo". */
  readonly status: string;
  readonly ancestorTitles: readonly string[];
}

export interface Verdict {
  readonly passed: boolean;
  /** The last is the count. */
  readonly lines: readonly string[];
}

/** @param code Jest's exit code. @param ci whether nothing may be skipped. */
export function verdictOf(results: Results, { code, ci }: { readonly code: number; readonly ci: boolean }): Verdict {
  const { numPassedTests: passed, numPendingTests, numTodoTests } = results;
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const skipped = numPendingTests + numTodoTests;
  const refused = ci && skipped > 0 ? ["in CI no test may be skipped:", ...skippedIn(results)] : [];
  return {
    passed: code === 0 && failed === 0 && passed > 0 && refused.length === 0,
    lines: [...refused, `${passed} passed, ${failed} failed, ${skipped} skipped`],
  };
}

/** By what they are in, whose name says what is missing. */
function skippedIn({ testResults }: Results): readonly string[] {
  const skipped = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === "pending" || status === "todo");
  const groups = Map.groupBy(skipped, ({ ancestorTitles }) => ancestorTitles[0] ?? "tests outside of a group");
  return [...groups].map(([name, tests]) => `  ${name}: ${tests.length}`);
}
