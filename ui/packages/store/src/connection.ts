// The WebSocket around the protocol: opens it, carries frames, watches silence, waits and tries again. No decisions.

import { SUBPROTOCOL } from "@runt/schema";
import type { Clock, RandomSource } from "./clock";
import type { Effect, Protocol } from "./link";

/** An open or opening socket. */
export interface Socket {
  send(text: string): void;
  /** Close; `closed` need not be called any more. */
  close(): void;
}

/** What a socket tells, each at its time; `closed` once, also when it never opened. */
export interface SocketHandlers {
  opened(): unknown;
  received(text: string): unknown;
  closed(): unknown;
}

export type SocketFactory = (url: string, protocol: string, handlers: SocketHandlers) => Socket;

/** The platform's WebSocket. */
export const openWebSocket: SocketFactory = (url, protocol, handlers) => {
  const socket = new WebSocket(url, protocol);
  socket.onopen = () => handlers.opened();
  socket.onmessage = (event) => handlers.received(String(event.data));
  socket.onclose = () => handlers.closed();
  return {
    send: (text) => socket.send(text),
    close: () => {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
};

/** Give the address of a store's sync endpoint below a backend's origin. */
export function syncUrl(origin: string, storeId: string): string {
  return `${origin.replace(/^http/, "ws").replace(/\/+$/, "")}/sync/${storeId}`;
}

interface Ports {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly openSocket: SocketFactory;
  /** Takes effects that concern the store. */
  readonly perform: (effect: Exclude<Effect, { do: "send" | "close" | "resume" }>) => void;
  /** Hears that `connected` or `problem` may have changed. */
  readonly changed: () => void;
}

export class Connection {
  private readonly url: string;
  private readonly protocol: Protocol;
  private readonly ports: Ports;
  private socket: Socket | null = null;
  private stopped = false;
  private cancelTimer = (): void => {};
  private cancelResume = (): void => {};

  constructor(url: string, protocol: Protocol, ports: Ports) {
    this.url = url;
    this.protocol = protocol;
    this.ports = ports;
  }

  /** Connect now, unless a connection stands or is being made. */
  start(): void {
    if (this.socket !== null || this.stopped) return;
    this.cancelTimer();
    const { clock } = this.ports;
    const socket: Socket = this.ports.openSocket(this.url, SUBPROTOCOL, {
      opened: () => this.socket === socket && this.perform(this.protocol.opened(clock.monotonicMs())),
      received: (text) => this.socket === socket && this.perform(this.protocol.received(text, clock.monotonicMs())),
      closed: () => this.socket === socket && this.closed(),
    });
    this.socket = socket;
    this.protocol.link.connecting(this.ports.clock.monotonicMs());
    this.watch(this.protocol.link.deadlineMs);
  }

  /** Carry out what the protocol wants. */
  perform(effects: readonly Effect[]): void {
    const { socket } = this;
    for (const effect of effects) {
      if (this.stopped) return;
      if (effect.do === "send") socket?.send(JSON.stringify(effect.frame));
      else if (effect.do === "close") this.closed();
      else if (effect.do === "resume") {
        this.cancelResume();
        this.cancelResume = this.ports.clock.setTimer(effect.afterMs, () => this.perform(this.protocol.resumed()));
      } else this.ports.perform(effect);
    }
    this.ports.changed();
  }

  /** End for good. */
  stop(): void {
    this.stopped = true;
    this.cancelTimer();
    this.cancelResume();
    this.socket?.close();
    this.socket = null;
  }

  private closed(): void {
    const { clock, random, changed } = this.ports;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
    this.cancelTimer();
    this.cancelResume();
    const [byte = 0] = random(1);
    const waitMs = this.protocol.closed(clock.monotonicMs(), byte / 256);
    this.cancelTimer = clock.setTimer(waitMs, () => this.start());
    changed();
  }

  /** Close when nothing is heard until the deadline, which every frame puts off. */
  private watch(deadlineMs: number): void {
    const { clock } = this.ports;
    this.cancelTimer = clock.setTimer(Math.max(0, deadlineMs - clock.monotonicMs()), () => {
      if (clock.monotonicMs() < this.protocol.link.deadlineMs) this.watch(this.protocol.link.deadlineMs);
      else this.closed();
    });
  }
}
