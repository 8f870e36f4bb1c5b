import crypto, { webcrypto, type KeyObject } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { promisify } from "node:util";

/**
 * Tells of every private key that this process makes from now on, before whoever asked for it has it:
 * a test can then look for keys that a killed process has taken with it. Modules that are loaded
 * later make their keys by what stands here; those loaded before may not.
 */
export function tellMadeKeys(tell: (pkcs8: Uint8Array) => void): void {
  const told = (key: KeyObject): void => tell(key.export({ format: "der", type: "pkcs8" }));
  const { generateKeyPairSync, generateKeyPair } = crypto;
  const madeLater = promisify(generateKeyPair);
  // The overloads of Node's own functions cannot be repeated here; what is handed on is what came.
  const replaceSync: ProxyHandler<typeof generateKeyPairSync> = {
    apply(target, self, args) {
      const pair: unknown = Reflect.apply(target, self, args);
      told(privateKeyOf(pair));
      return pair;
    },
  };
  const replaceLater: ProxyHandler<typeof madeLater> = {
    async apply(target, self, args) {
      const pair: unknown = await Reflect.apply(target, self, args);
      told(privateKeyOf(pair));
      return pair;
    },
  };
  crypto.generateKeyPairSync = new Proxy(generateKeyPairSync, replaceSync);
  const withCallback = new Proxy(generateKeyPair, {
    apply() {
      throw new Error("keys are made by promise or at once here: their maker was to be told of");
    },
  });
  Object.defineProperty(withCallback, promisify.custom, { value: new Proxy(madeLater, replaceLater) });
  crypto.generateKeyPair = withCallback;
  Object.defineProperty(webcrypto.subtle, "generateKey", {
    value: () => {
      throw new Error("no keys by Web Crypto here: their maker was to be told of");
    },
  });
  syncBuiltinESMExports();
}

function privateKeyOf(pair: unknown): KeyObject {
  if (
    typeof pair === "object" &&
    pair !== null &&
    "privateKey" in pair &&
    pair.privateKey instanceof crypto.KeyObject
  )
    return pair.privateKey;
  throw new Error("a key was made in another form than that of an object");
}
