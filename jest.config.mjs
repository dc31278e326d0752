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
/** Takes minutes for each boot of a real distribution: `npm run test:debian` (docs/guides/images.md). */
const byName = process.env.PHOTON_TEST_DEBIAN === "1" ? [] : ["/test/compute/debian.test.ts$"];
const ignored = ["/node_modules/", "/dist/", "/cdktf.out/", "/\\.photon/"];
const unit = [
  "<rootDir>/{proto,sdk,provider,server,constructs,cli}/src/**/*.test.ts",
  "<rootDir>/test/rules/**/*.test.ts",
];
/** Beside the code, but in need of a real OVN, of QEMU or of root: they belong to the whole. */
const onOvn = "/server/src/.*\\.(ovn|guest)\\.test\\.ts$";
/** Beside the code, but slow or in need of PostgreSQL: they belong to the whole. */
const slow = [
  "server/src/store/sqlite.test.ts",
  "server/src/store/postgres.test.ts",
  "server/src/services/resources/two-servers.test.ts",
];

export default {
  randomize: true,
  // No test is timed: this ends one that hangs, and a machine that is busy with others is slow beyond all guessing.
  testTimeout: 300_000,
  projects: [
    {
      ...shared,
      displayName: "unit",
      testMatch: unit,
      testPathIgnorePatterns: [...ignored, onOvn, ...slow.map((file) => `/${file}$`)],
    },
    {
      ...shared,
      displayName: "whole",
      testMatch: [
        "<rootDir>/{test,examples}/**/*.test.ts",
        "<rootDir>/server/src/**/*.{ovn,guest}.test.ts",
        ...slow.map((file) => `<rootDir>/${file}`),
      ],
      testPathIgnorePatterns: [...ignored, "/test/rules/", ...byName],
    },
  ],
};
