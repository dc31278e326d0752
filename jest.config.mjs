// One Jest configuration for every package: ESM, TypeScript by swc, workspace packages from their source.
export default {
  rootDir: import.meta.dirname,
  testEnvironment: "node",
  testEnvironmentOptions: { customExportConditions: ["photon-source", "node", "node-addons", "import"] },
  testMatch: ["**/*.test.ts"],
  testPathIgnorePatterns: ["/node_modules/", "/dist/", "/cdktf.out/", "/\\.photon/"],
  modulePathIgnorePatterns: ["/dist/", "/cdktf.out/", "/\\.photon/"],
  extensionsToTreatAsEsm: [".ts"],
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      {
        jsc: {
          parser: { syntax: "typescript", decorators: false, explicitResourceManagement: true },
          target: "es2024",
        },
        module: { type: "es6" },
        sourceMaps: "inline",
      },
    ],
  },
  randomize: true,
  testTimeout: 30_000,
};
