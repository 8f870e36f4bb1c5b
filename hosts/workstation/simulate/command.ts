import type { Command } from "commander";
import { guarded } from "../guarded.js";
import { checkOptions, type RawSimulateOptions } from "./options.js";

/** `xs-cellular simulate`. `done` gets the exit code. */
export function addSimulateCommand(program: Command, done: (exitCode: number) => void): void {
  program
    .command("simulate")
    .description("run the firmware against a simulated module and a broker on this machine")
    .option("--module <name>", "module: bg95 or bc66", "bg95")
    .option(
      "--route <name>",
      "way to the broker: auto, module-tls, host-tls (TLS on the ESP32) or module-mqtt",
      "auto",
    )
    .option("--engine <name>", "JavaScript engine: auto (XS where a C compiler is found), xs, node", "auto")
    .option(
      "--broker <url>",
      "mqtts://HOST:PORT or mqtt://HOST:PORT on this machine; default: an embedded broker with mutual TLS",
    )
    .option(
      "--tls-engine <profile>",
      "TLS on the ESP32: device (this project's adapter of Moddable's TLS; the default), sdk (that TLS bare) or full (what OpenSSL can)",
    )
    .option(
      "--broker-suites <list>",
      "cipher suites that the broker is known to take, for the choice of the route",
    )
    .option("--server-name <name>", "the name in the broker's certificate, when it is not HOST")
    .option("--ca <file>", "CA certificate that the broker is verified with, PEM or DER")
    .option("--cert <file>", "the device's certificate, PEM or DER")
    .option("--key <file>", "its private key: PKCS#8, PKCS#1 or SEC1, RSA or P-256")
    .option("--username <name>", "MQTT user name")
    .option("--password-file <file>", "file with the MQTT password")
    .option("--jwt-audience <project>", "send a JSON Web Token as password: whom it is for")
    .option("--jwt-key <file>", "private key that the token is signed with: P-256 or RSA")
    .option("--jwt-lifetime <seconds>", "from the token's issue to its expiry; default: 3600")
    .option("--insecure", "do not check the broker's certificate")
    .option("--client-id <id>", "MQTT client identifier; default: made from the seed")
    .option("--topic <topic>", "topic to publish to; default: devices/CLIENT-ID/telemetry")
    .option(
      "--message <text>",
      "payload; {n} stands for the message's number",
      "message {n} from a simulated device",
    )
    .option("--count <number>", "messages to publish", "3")
    .option("--qos <level>", "quality of service: 0, 1 or 2", "1")
    .option(
      "--subscribe <filter>",
      "topic filter to subscribe to; with the embedded broker: devices/CLIENT-ID/command",
    )
    .option("--attempts <number>", "failures after which the device gives up", "1")
    .option("--baud <rate>", "UART rate", "115200")
    .option("--serial <class>", "serial class of the ESP32: buffered or stock (128-byte FIFO)", "buffered")
    .option("--link <profile>", "radio link: none, lte-m or nb-iot", "none")
    .option("--heap <bytes>", "heap of the engine; default: what an ESP32 has")
    .option("--seed <number>", "seed of everything that is random in the simulation", "1")
    .option("--trace <file>", "write every line between firmware and module to a file")
    .option("--json", "one JSON object on stdout, the log on stderr")
    .action((raw: RawSimulateOptions) =>
      guarded(raw.json ?? false, done, async () => {
        const options = checkOptions(raw);
        // Not before it is needed: simulation and broker take longer to load than a mistake to tell.
        const { simulate } = await import("./run.js");
        return simulate(options);
      }),
    );
}
