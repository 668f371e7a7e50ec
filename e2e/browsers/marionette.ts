/** Firefox's own way to be driven, as it speaks it: a TCP port, and JSON after its length in bytes. */
import { connect } from 'node:net'

export interface Marionette {
  /** The result of one command. Throws what Firefox says, or that it has gone. */
  send(command: string, parameters?: object): Promise<unknown>
  close(): void
}

const COMMAND = 0

/** To the port of a Firefox that listens there on loopback. */
export function connectMarionette(port: number): Promise<Marionette> {
  return new Promise((opened, failed) => {
    const socket = connect(port, '127.0.0.1')
    const waiting = new Map<number, { done(result: unknown): void; failed(why: Error): void }>()
    let lastId = 0
    let gone: Error | undefined
    let heard: Buffer = Buffer.alloc(0)

    function end(cause?: Error): void {
      gone ??= new Error('Firefox has gone.', { cause })
      failed(gone)
      for (const one of waiting.values()) one.failed(gone)
      waiting.clear()
    }
    const marionette: Marionette = {
      send: (command, parameters = {}) =>
        new Promise((done, failed) => {
          if (gone) return failed(gone)
          const id = ++lastId
          waiting.set(id, { done, failed })
          const text = JSON.stringify([COMMAND, id, command, parameters])
          socket.write(`${Buffer.byteLength(text)}:${text}`)
        }),
      close: () => socket.destroy(),
    }

    function answer(message: unknown): void {
      if (!Array.isArray(message)) {
        // The first says which version of the protocol this is, and answers nothing.
        opened(marionette)
        return
      }
      const [, id, error, result] = message as [1, number, { error: string; message: string } | null, unknown]
      const asked = waiting.get(id)
      waiting.delete(id)
      if (error) asked?.failed(new Error(`${error.error}: ${error.message}`))
      else asked?.done(result)
    }
    socket.on('data', (bytes) => {
      heard = Buffer.concat([heard, bytes])
      for (;;) {
        const colon = heard.indexOf(':')
        const end = colon + 1 + Number(heard.subarray(0, colon))
        if (colon < 0 || heard.length < end) return
        const message = heard.subarray(colon + 1, end)
        heard = heard.subarray(end)
        answer(JSON.parse(String(message)))
      }
    })
    socket.on('error', end)
    socket.on('close', () => end())
  })
}
