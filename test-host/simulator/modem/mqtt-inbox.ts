import type { MqttMessage } from "./mqtt-packets.js";
import type { MqttSettings } from "./mqtt-settings.js";

const places = 5;

interface Stored {
  readonly message: MqttMessage;
  readonly order: number;
}

/** The five buffers of a client whose messages wait to be read (QMTCFG "recv/mode" 1). */
export class MqttInbox {
  /** Messages that found no room. */
  lost = 0;
  readonly #settings: Pick<MqttSettings, "receiveOverflow">;
  readonly #stored: (Stored | undefined)[] = new Array<Stored | undefined>(places).fill(undefined);
  #order = 0;

  constructor(settings: Pick<MqttSettings, "receiveOverflow">) {
    this.#settings = settings;
  }

  /** 1 for each buffer that holds a message. */
  get states(): readonly (0 | 1)[] {
    return this.#stored.map(stored => (stored ? 1 : 0));
  }

  /** The buffer that it went to; undefined when there was none. */
  store(message: MqttMessage): number | undefined {
    const free = this.#stored.indexOf(undefined);
    const place = free >= 0 ? free : this.#overflow();
    if (place !== undefined) this.#stored[place] = { message, order: this.#order++ };
    return place;
  }

  /** Takes the message out of a buffer. */
  take(place: number): MqttMessage | undefined {
    const stored = this.#stored[place];
    this.#stored[place] = undefined;
    return stored?.message;
  }

  /** Takes the message that has waited longest. */
  takeOldest(): MqttMessage | undefined {
    const place = this.#oldest();
    return place === undefined ? undefined : this.take(place);
  }

  clear(): void {
    this.#stored.fill(undefined);
  }

  #overflow(): number | undefined {
    this.lost++;
    return this.#settings.receiveOverflow === "overwrite-oldest" ? this.#oldest() : undefined;
  }

  #oldest(): number | undefined {
    let oldest: number | undefined;
    let order = Infinity;
    this.#stored.forEach((stored, place) => {
      if (!stored || stored.order >= order) return;
      oldest = place;
      order = stored.order;
    });
    return oldest;
  }
}
