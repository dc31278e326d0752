// For tests of accounts: someone who is logged in, and the methods that people call of themselves.
import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import {
  ConfirmFactorResponseSchema,
  ConfirmTotpRequestSchema,
  EnrollTotpRequestSchema,
  EnrollTotpResponseSchema,
} from "@photoncloud/proto/gen/iam/v1/account_pb";
import type { Call } from "../../call.ts";
import { hotp, stepAt } from "../account/totp.ts";
import { as, callBy, type World } from "./world.ts";

/** A call as the edge makes it of a token. */
export async function callWith(world: World, token: string, terms: Partial<Call> = {}): Promise<Call> {
  return callBy("", { principal: await world.iam.authenticator.authenticate(token), token, ...terms });
}

/** Calls a method with a token. */
export async function ask<In extends DescMessage, Out extends DescMessage>(
  world: World,
  token: string,
  method: string,
  [input, output]: readonly [In, Out],
  init: Record<string, unknown> = {},
): Promise<MessageShape<Out>> {
  const answer: Message = await world.handle(method, input, init, await callWith(world, token));
  return as(output, answer);
}

const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/** The bytes of what an authenticator app is given. */
export function secretOf(text: string): Uint8Array {
  const bits = [...text].map((letter) => base32.indexOf(letter).toString(2).padStart(5, "0")).join("");
  return Uint8Array.from(bits.match(/.{8}/g) ?? [], (byte) => Number.parseInt(byte, 2));
}

/** An authenticator app. */
export class App {
  readonly #secret: Uint8Array;
  readonly #now: () => number;

  constructor(secret: string, now: () => number) {
    this.#secret = secretOf(secret);
    this.#now = now;
  }

  code(steps = 0): string {
    return hotp(this.#secret, stepAt(this.#now()) + steps);
  }
}

/** Two codes of an app, of the present step of time and of the next: each is good at once, and for half a minute whatever step begins meanwhile. */
export function twoCodes(secret: string): readonly [string, string] {
  const step = stepAt(Date.now());
  return [hotp(secretOf(secret), step), hotp(secretOf(secret), step + 1)];
}

/** Enrols an app, and goes to the next step of time, so that its codes are new. */
export async function enrolApp(world: World & { readonly clock: { advance?(ms: number): void } }, token: string) {
  const begun = await ask(world, token, "EnrollTotp", [EnrollTotpRequestSchema, EnrollTotpResponseSchema], {});
  const app = new App(begun.secret, () => world.clock.now());
  const { factor, recoveryCodes } = await ask(
    world,
    token,
    "ConfirmTotp",
    [ConfirmTotpRequestSchema, ConfirmFactorResponseSchema],
    { factorId: begun.factorId, code: app.code() },
  );
  world.clock.advance?.(30_000);
  return { app, id: begun.factorId, secret: begun.secret, factor, recoveryCodes };
}
