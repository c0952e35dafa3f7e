// Lets the tests load the scripts as pages do: packages come from the folder of the JavaScript tools,
// and `?tab=` in an address loads a script, and all that it imports, once more for each tab.

import { registerHooks } from "node:module";

const PACKAGES = new URL("../../.config/javascript/", import.meta.url).href;

registerHooks({
  resolve(specifier, context, nextResolve) {
    if (/^(node|file|data):/.test(specifier)) return nextResolve(specifier, context);
    if (!specifier.startsWith(".")) return nextResolve(specifier, { ...context, parentURL: PACKAGES });
    const found = nextResolve(specifier, context);
    const tab = context.parentURL && new URL(context.parentURL).searchParams.get("tab");
    return tab && !found.url.includes("?") ? { ...found, url: `${found.url}?tab=${tab}` } : found;
  },
});
