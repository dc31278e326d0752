import type { Figure } from "../main.ts";

export type { Figure };

export function figure(name: string, value: number, floor: number, unit: string): Figure {
  return { name, value, floor, ratio: value / floor, unit };
}
