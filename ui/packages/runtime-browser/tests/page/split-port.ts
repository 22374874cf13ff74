// One port to a worker as several: a digit before each text says whose it is. So one worker can hold two stores.

/** Make `count` ports of one; with 1 it is that one. */
export function splitPort(port: MessagePort, count: number): readonly MessagePort[] {
  if (count === 1) return [port];
  const channels = Array.from({ length: count }, () => new MessageChannel());
  for (const [place, { port1: near }] of channels.entries()) {
    near.onmessage = ({ data }: MessageEvent<unknown>) => {
      if (typeof data === "string") port.postMessage(`${place}${data}`);
      else port.postMessage(data);
    };
  }
  port.onmessage = ({ data }: MessageEvent<unknown>) => {
    const place = typeof data === "string" ? Number(data.charAt(0)) : 0;
    channels[place]?.port1.postMessage(typeof data === "string" ? data.slice(1) : data);
  };
  return channels.map(({ port2 }) => port2);
}
