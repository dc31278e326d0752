// One Jest configuration for every package: ESM, TypeScript by swc, workspace packages from their source.
// Two projects: `unit` is what `npm run check` runs (seconds), `whole` is what crosses packages or starts other programs.
const rootDir = import.meta.dirname;
const parser = { syntax: "typescript", explicitResourceManagement: true };

const shared = {
  rootDir,
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["photon-source", "node", "node-addons"] },
  modulePathIgnorePatterns: ["/dist/", "/cdktf.out/", "/\\.photon/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": ["@swc/jest", { jsc: { parser, target: "es2024" }, module: { type: "es6" }, sourceMaps: "inline" }],
  },
};
const ignored = ["/node_modules/", "/dist/", "/cdktf.out/", "/\\.photon/"];
const unit = [
  "<rootDir>/{proto,sdk,provider,server,constructs,cli}/src/**/*.test.ts",
  "<rootDir>/test/rules/**/*.test.ts",
];
const whole = ["<rootDir>/{test,examples}/**/*.test.ts", "<rootDir>/server/src/store/postgres*.test.ts"];

export default {
  randomize: true,
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: "unit",
      testMatch: unit,
      testPathIgnorePatterns: [...ignored, "/server/src/store/postgres"],
    },
    { ...shared, displayName: "whole", testMatch: whole, testPathIgnorePatterns: [...ignored, "/test/rules/"] },
  ],
};
