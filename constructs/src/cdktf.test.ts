import * as cdktf from "cdktf";
import { constructsSuite } from "./constructs.suite.ts";
import * as lib from "./index.ts";

constructsSuite("constructs on cdktf", cdktf, lib);
