// The same source on the other base package, as the build makes it: every import of cdktf answers cdktn.
import { jest } from "@jest/globals";
import * as cdktn from "cdktn";
import { constructsSuite } from "./constructs.suite.ts";

jest.unstable_mockModule("cdktf", () => cdktn);
constructsSuite("constructs on cdktn", cdktn, await import("./index.ts"));
