import { setTlsItem, TLS_CONTEXT } from "../../../../../drivers/bc66/commands-ssl.js";
import { TlsConnections, type TlsUser } from "../../../../../drivers/bc66/tls-connections.js";
import { failure, type Failure } from "../../../../../modules/diagnosis/failure.js";
import type { Channel } from "../../../../../modules/at/channel.js";
import type { Credential, Credentials } from "../../../../../modules/io/credentials.js";
import { CONNECTION } from "./connection-store.js";
import { heldBytes } from "./commands.js";

const nothing: Credential = { byteLength: 0, read: () => 0 };

/** Says that there are credentials, which lie in the module; none is read. */
export const inModule: Credentials = { open: () => nothing };

/**
 * The driver's connections, but what a connection holds is used as it is: the factory has handed it
 * over and does not have the key any more. Fails with `credential` when the module has forgotten it.
 */
export class StoredConnections extends TlsConnections {
  /** Beside the one of the base class, which is its own. */
  channel: Channel | undefined;

  override acquire(
    user: TlsUser,
    _settings: unknown,
    done: (reason: Failure | undefined, connection: number) => void,
  ): void {
    const channel = this.channel;
    // A connection is set up without credentials, so that nothing is uploaded; the first is given.
    super.acquire(
      user,
      { ca: undefined, certificate: undefined, key: undefined, cipherSuite: undefined },
      (reason, connection) => {
        if (reason !== undefined || channel === undefined) done(reason ?? failure("cancelled"), connection);
        else if (connection !== CONNECTION)
          done(failure("limit", "AT+QSSLOPEN", undefined, "the connection is in use"), connection);
        else this.#check(channel, done);
      },
    );
  }

  #check(channel: Channel, done: (reason: Failure | undefined, connection: number) => void): void {
    channel.run(heldBytes, [TLS_CONTEXT, CONNECTION], (reason, counts) => {
      const missing = ["cacert", "clientcert", "clientkey"].find(item => (counts?.get(item) ?? 0) === 0);
      if (reason !== undefined) done(reason, CONNECTION);
      else if (missing !== undefined)
        done(
          failure(
            "credential",
            "AT+QSSLCFG",
            undefined,
            `${missing}: the module has forgotten it, it was restarted`,
          ),
          CONNECTION,
        );
      else
        channel.run(setTlsItem, [TLS_CONTEXT, CONNECTION, "seclevel", 2], refused =>
          done(refused, CONNECTION),
        );
    });
  }
}
