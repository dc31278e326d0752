// One function of the provider, as `provider::photoncloud::<name>(…)` calls it: pure, without a word to the cloud.
import { toBigInt } from "../cty/decimal.ts";
import type { Type } from "../cty/type.ts";
import { isNumber, numberText, type Value } from "../cty/value.ts";

export interface Parameter {
  readonly name: string;
  readonly type: Type;
  readonly description: string;
}

export interface ProviderFunction {
  /** One line. */
  readonly summary: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  /** Takes all arguments after the parameters. */
  readonly variadic?: Parameter;
  readonly returns: Type;
  /**
   * Takes as many arguments as there are parameters and more only where one is variadic; none is null or unknown.
   *
   * @throws ArgumentError
   */
  call(args: readonly Value[]): Value;
}

/** What is wrong with one argument, counted from zero. */
export class ArgumentError extends Error {
  readonly argument: number;
  constructor(argument: number, message: string) {
    super(message);
    this.argument = argument;
  }
}

/** An argument that is text. @throws ArgumentError */
export function textAt(args: readonly Value[], at: number): string {
  const value = args[at];
  if (typeof value === "string") return value;
  throw new ArgumentError(at, "a string is needed");
}

/** An argument that is a whole number from `least` to `most`. @throws ArgumentError */
export function integerAt(args: readonly Value[], at: number, least: bigint, most: bigint): bigint {
  const value = args[at];
  const whole = isNumber(value) ? toBigInt(numberText(value)) : undefined;
  if (whole !== undefined && whole >= least && whole <= most) return whole;
  const given = isNumber(value) ? `${numberText(value)} was given; ` : "";
  throw new ArgumentError(at, `${given}a whole number from ${least} to ${most} is needed`);
}
