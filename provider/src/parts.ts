// What main.ts loads at the first call that needs it; the build packs it into one string.
export { Journal, journalDirectory } from "./journal.ts";
export { providerMethods } from "./plugin/provider-methods.ts";
export { createProvider } from "./provider.ts";
