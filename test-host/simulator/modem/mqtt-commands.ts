import { ArgumentError, type Arguments } from "./at-line.js";
import type { Call, CommandEntry, CommandTable, Handler } from "./call.js";
import type { MqttClient, MqttClients } from "./mqtt-clients.js";
import { limitedText, qualityOfService } from "./mqtt-configuration.js";
import { returnCode, type MqttPublication } from "./mqtt-packets.js";
import { mqttStates, mqttWindow, type MqttAnswer, type MqttSession } from "./mqtt-session.js";
import { SendSink } from "./send-sink.js";

/** Finds the clients in the state of a module. */
export type MqttClientsOf<M> = (module: M) => MqttClients;

type MqttHandler = (call: Call, clients: MqttClients) => void;

function clientOf(call: Call, clients: MqttClients, index = 0): MqttClient {
  const client = clients.all[call.args.integer(index, 0, clients.all.length - 1)];
  if (!client) throw new ArgumentError("there is no such client");
  return client;
}

function configure(call: Call, clients: MqttClients): void {
  const { items, dialect, settings } = clients.host;
  const name = call.args.string(0).toLowerCase();
  const item = items[name];
  const client = clientOf(call, clients, 1);
  if (!item) {
    call.error();
    return;
  }
  // Without a value it is a question, whatever the host meant.
  if (call.args.count === 2) {
    const shown = item.show(client.configuration);
    const owner = settings.queryNamesClient ? `${String(client.id)},` : "";
    call.info(`+QMTCFG: "${name}",${owner}${shown}`);
    call.ok();
    return;
  }
  if (client.isOpen && item.beforeOpen && settings.configureWhileOpen === "error") {
    call.error();
    return;
  }
  item.set(client.configuration, call.args, dialect);
  call.ok();
}

function open(call: Call, clients: MqttClients): void {
  call.args.atMost(3);
  const client = clientOf(call, clients);
  const host = limitedText(call.args, 1, clients.host.dialect.limits.host);
  const port = call.args.integer(2, 1, 65535);
  client.open(call, host, port);
}

function listOpen(call: Call, clients: MqttClients): void {
  for (const { id, target } of clients.all)
    if (target) call.info(`+QMTOPEN: ${String(id)},"${target.host}",${String(target.port)}`);
  call.ok();
}

function close(call: Call, clients: MqttClients): void {
  call.args.atMost(1);
  clientOf(call, clients).close(call);
}

function connect(call: Call, clients: MqttClients): void {
  call.args.atMost(4);
  const client = clientOf(call, clients);
  const { limits } = clients.host.dialect;
  const clientId = limitedText(call.args, 1, limits.clientId);
  const user = call.args.has(2) ? limitedText(call.args, 2, limits.user) : undefined;
  const password = call.args.has(3) ? limitedText(call.args, 3, limits.password) : undefined;
  const { session, configuration } = client;
  const { version, cleanSession, keepAliveS, will } = configuration;
  const needsId = version === 3 || !cleanSession;
  const isIncomplete = (clientId === "" && needsId) || (password !== undefined && user === undefined);
  if (session?.state !== mqttStates.initial || isIncomplete) {
    call.error();
    return;
  }
  call.ok();
  const options = {
    version,
    clientId,
    keepAliveS,
    cleanSession,
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { password }),
    ...(will === undefined ? {} : { will }),
  };
  session.connect(options, answer => connected(client, clients, answer));
}

function connected(client: MqttClient, clients: MqttClients, answer: MqttAnswer): void {
  const { connectFailure, refusedResult } = clients.host.settings;
  const head = `+QMTCONN: ${String(client.id)}`;
  if (answer === "closed") clients.urc(`${head},2`);
  else if (answer === "failed") {
    if (connectFailure === "both") clients.urc(`${head},2`);
  } else {
    const code = returnCode(answer.packet);
    clients.urc(`${head},${String(code === 0 ? 0 : refusedResult)},${String(code)}`);
  }
}

function listStates(call: Call, clients: MqttClients): void {
  for (const { id, session } of clients.all)
    if (session) call.info(`+QMTCONN: ${String(id)},${String(session.state)}`);
  call.ok();
}

/** The session of a connected client; answers ERROR and returns undefined when there is none. */
function connectedSession(call: Call, client: MqttClient): MqttSession | undefined {
  if (client.session?.state === mqttStates.connected) return client.session;
  call.error();
  return undefined;
}

function disconnect(call: Call, clients: MqttClients): void {
  call.args.atMost(1);
  const client = clientOf(call, clients);
  const session = connectedSession(call, client);
  if (session) client.disconnect(call, session);
}

function subscribe(call: Call, clients: MqttClients): void {
  const client = clientOf(call, clients);
  const id = call.args.integer(1, 1, 65535);
  const most = clients.host.dialect.limits.topic;
  const list = Array.from({ length: Math.max(1, Math.ceil((call.args.count - 2) / 2)) }, (_, index) => ({
    topic: limitedText(call.args, 2 + 2 * index, most, 1),
    qos: qualityOfService(call.args, 3 + 2 * index),
  }));
  const session = connectedSession(call, client);
  if (!session) return;
  call.ok();
  session.subscribe(id, list, answer => {
    const granted =
      typeof answer === "object" && answer.packet.cmd === "suback" ? answer.packet.granted.map(String) : [];
    result(clients, ["SUB", client.id, id], answer, granted);
  });
}

function unsubscribe(call: Call, clients: MqttClients): void {
  const client = clientOf(call, clients);
  const id = call.args.integer(1, 1, 65535);
  const most = clients.host.dialect.limits.topic;
  const topics = Array.from({ length: Math.max(1, call.args.count - 2) }, (_, index) =>
    limitedText(call.args, 2 + index, most, 1),
  );
  const session = connectedSession(call, client);
  if (!session) return;
  call.ok();
  session.unsubscribe(id, topics, answer => result(clients, ["UNS", client.id, id], answer));
}

/** 0 with what the broker granted, or 2. */
function result(
  clients: MqttClients,
  [name, client, id]: readonly [name: string, client: number, id: number],
  answer: MqttAnswer,
  granted: readonly string[] = [],
): void {
  const values = typeof answer === "object" ? ["0", ...granted] : ["2"];
  clients.urc(`+QMT${name}: ${[String(client), String(id), ...values].join(",")}`);
}

type Announced = Omit<MqttPublication, "payload">;

/** What stands before the payload: client, message id, QoS, retain, topic. */
function announced(call: Call, clients: MqttClients): { client: MqttClient; head: Announced } {
  const { dialect } = clients.host;
  const client = clientOf(call, clients);
  const id = call.args.integer(1, 0, 65535);
  const qos = qualityOfService(call.args, 2);
  const retain = call.args.integer(3, 0, 1) === 1;
  const topic = limitedText(call.args, 4, dialect.limits.topic, 1);
  if (id === 0 && qos !== 0) throw new ArgumentError("QoS 1 and 2 need a message id");
  if (dialect.idZeroExactly && id !== 0 && qos === 0) throw new ArgumentError("QoS 0 has no message id");
  return { client, head: { id, qos, retain, topic } };
}

/** Whether one more publication can begin now; what cannot is answered. */
function admits(call: Call, clients: MqttClients, client: MqttClient, head: Announced): boolean {
  const session = connectedSession(call, client);
  if (!session) return false;
  const isFull = head.qos > 0 && session.inFlight >= mqttWindow;
  if (!isFull && !(head.qos > 0 && session.isInFlight(head.id))) return true;
  if (isFull && clients.host.settings.windowFull === "failed") {
    call.ok();
    result(clients, ["PUB", client.id, head.id], "failed");
  } else call.error();
  return false;
}

function submit(
  call: Call,
  clients: MqttClients,
  client: MqttClient,
  head: Announced,
  payload: Uint8Array,
): void {
  const bytes = client.configuration.sendHex ? fromHex(payload) : payload;
  // The broker may be gone since the prompt.
  const { session } = client;
  if (!bytes || !session) {
    call.error();
    return;
  }
  call.ok();
  const publication = { ...head, payload: bytes };
  const report = (answer: MqttAnswer): void => result(clients, ["PUB", client.id, head.id], answer);
  if (head.qos > 0) {
    session.publish(publication, report);
    return;
  }
  const values = [client.id, head.id, session.publishOnce(publication) ? 0 : 2];
  clients.host.scheduler.after(clients.host.sendMs(), () => {
    if (!session.isOver) clients.urc(`+QMTPUB: ${values.join(",")}`);
  });
}

function fromHex(payload: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(payload).toString("latin1");
  return /^([0-9a-f]{2})*$/i.test(text) ? Buffer.from(text, "hex") : undefined;
}

function publish(call: Call, clients: MqttClients): void {
  const { dialect, settings } = clients.host;
  const { limits } = dialect;
  const { client, head } = announced(call, clients);
  let length: number | undefined;
  if (call.args.count > 5) {
    if (dialect.publishArgument === "payload") {
      publishInline(call, clients);
      return;
    }
    call.args.atMost(6);
    length = call.args.integer(5, 1, limits.promptPayload);
  }
  if (!admits(call, clients, client, head)) return;
  call.prompt();
  call.collect(
    new SendSink({
      call,
      length,
      // One more than belongs to it, to know that there was more.
      most: limits.promptPayload + 1,
      echo: client.configuration.echo,
      done: bytes => {
        const payload = bytes.subarray(0, limits.promptPayload);
        if (payload.length < bytes.length && settings.overlongPayload === "error") call.error();
        else submit(call, clients, client, head, payload);
      },
      cancelled: () => call.ok(),
    }),
  );
}

/** The payload stands in the command line. */
function publishInline(call: Call, clients: MqttClients): void {
  const { client, head } = announced(call, clients);
  const text = inlinePayload(call.args, clients);
  if (admits(call, clients, client, head)) submit(call, clients, client, head, Buffer.from(text, "latin1"));
}

/** Everything between the quote behind the topic and the last quote of the command. */
function inlinePayload(args: Arguments, clients: MqttClients): string {
  const { dialect, settings } = clients.host;
  const raw = args.rest(5).trim();
  const text = raw.slice(1, -1);
  if (raw.length < 2 || !raw.startsWith('"') || !raw.endsWith('"')) throw new ArgumentError("not quoted");
  if (dialect.semicolonCuts && text.includes(";")) throw new ArgumentError("cut at the semicolon");
  if (settings.inlineQuotes === "error" && text.includes('"')) throw new ArgumentError("quotes inside");
  if (text.length > dialect.limits.inlinePayload) throw new ArgumentError("too long");
  return text;
}

function listStored(call: Call, clients: MqttClients): void {
  for (const { id, session, inbox } of clients.all)
    if (session) call.info(`+QMTRECV: ${[id, ...inbox.states].join(",")}`);
  call.ok();
}

function readStored(call: Call, clients: MqttClients): void {
  call.args.atMost(2);
  const client = clientOf(call, clients);
  const place = call.args.has(1) ? call.args.integer(1, 0, 4) : undefined;
  if (!connectedSession(call, client)) return;
  const { inbox } = client;
  const isAll = place === undefined && clients.host.settings.readWithoutId === "all";
  let message = place === undefined ? inbox.takeOldest() : inbox.take(place);
  while (message) {
    call.info(`+QMTRECV: ${client.describe(message)}`);
    message = isAll ? inbox.takeOldest() : undefined;
  }
  call.ok();
}

/** The QMT commands that both modules have. */
export function mqttCommands<M>(
  clientsOf: MqttClientsOf<M>,
  configurationTest: readonly string[],
): CommandTable<M> {
  const on = bind(clientsOf);
  return {
    "+QMTCFG": { test: configurationTest, write: on(configure) },
    "+QMTOPEN": {
      test: ["+QMTOPEN: (0-5),<host_name>,(1-65535)"],
      read: on(listOpen),
      write: on(open),
    },
    "+QMTCLOSE": { test: ["+QMTCLOSE: (0-5)"], write: on(close) },
    "+QMTCONN": {
      test: ["+QMTCONN: (0-5),<clientID>,<username>,<password>"],
      read: on(listStates),
      write: on(connect),
    },
    "+QMTDISC": { test: ["+QMTDISC: (0-5)"], write: on(disconnect) },
    "+QMTSUB": { test: ["+QMTSUB: (0-5),(1-65535),<topic>,(0-2)"], write: on(subscribe) },
    "+QMTUNS": { test: ["+QMTUNS: (0-5),(1-65535),<topic>"], write: on(unsubscribe) },
    "+QMTPUB": { test: ["+QMTPUB: (0-5),(0-65535),(0-2),(0,1),<topic>"], write: on(publish) },
  };
}

/** What only the BG95 has: payload in the command line by a command of its own, stored messages. */
export function storedMessageCommands<M>(clientsOf: MqttClientsOf<M>): CommandTable<M> {
  const on = bind(clientsOf);
  const publishExtended: CommandEntry<M> = {
    test: ["+QMTPUBEX: (0-5),(0-65535),(0-2),(0,1),<topic>,<msg>"],
    write: on(publishInline),
  };
  return {
    "+QMTPUBEX": publishExtended,
    "+QMTRECV": { test: ["+QMTRECV: (0-5),(0-4)"], read: on(listStored), write: on(readStored) },
  };
}

function bind<M>(clientsOf: MqttClientsOf<M>): (handler: MqttHandler) => Handler<M> {
  return handler => (call, module) => handler(call, clientsOf(module));
}

/** Test answer of QMTCFG. */
export function configurationTest(items: Readonly<Record<string, { readonly range: string }>>): string[] {
  return Object.entries(items).map(([name, item]) => `+QMTCFG: "${name}",(0-5),${item.range}`);
}
