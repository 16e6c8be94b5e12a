// Hydrogen, the whole client: bundled to hydrogen.js, which hydrogen.html loads.
//
// The address of the page says where people log in: hydrogen.html?HOMESERVER
import { createNavigation, createRouter, FeatureSet, Platform, RootViewModel } from "hydrogen-view-sdk";

const olm = "node_modules/@matrix-org/olm/";
const platform = new Platform({
    container: document.body,
    assetPaths: {
        downloadSandbox: "node_modules/hydrogen-view-sdk/asset-build/assets/download-sandbox.html",
        worker: "node_modules/hydrogen-view-sdk/asset-build/assets/main.js",
        serviceWorker: "sw.js",
        olm: { wasm: olm + "olm.wasm", wasmBundle: olm + "olm.js", legacyBundle: olm + "olm_legacy.js" },
    },
    config: { defaultHomeServer: location.search.slice(1) },
});
const navigation = createNavigation();
platform.setNavigation(navigation);
await platform.init();
const urlRouter = createRouter({ navigation, history: platform.history });
urlRouter.attach();
const features = await FeatureSet.load(platform.settingsStorage);
const root = new RootViewModel({ platform, urlRouter, navigation, features });
await root.load();
platform.createAndMountRootView(root);
