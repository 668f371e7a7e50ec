import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, it } from 'vitest'
import { connectMarionette } from './marionette.ts'

/** Whoever connects gets the server's side of it; a message goes out in the pieces that are asked for. */
async function listening() {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connected = once(server, 'connection')
  const opened = connectMarionette(port)
  const [socket] = (await connected) as [Socket]
  socket.setNoDelay()
  const write = (bytes: Buffer) => new Promise((sent) => socket.write(bytes, sent))
  return {
    opened,
    heard: once(socket, 'data').then(([bytes]) => String(bytes)),
    async say(message: unknown, pieces = 1) {
      const json = Buffer.from(JSON.stringify(message))
      const whole = Buffer.concat([Buffer.from(`${json.length}:`), json])
      const size = Math.ceil(whole.length / pieces)
      for (let from = 0; from < whole.length; from += size) await write(whole.subarray(from, from + size))
    },
    async end() {
      socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

it('counts bytes, not characters, and takes answers in pieces and in any order', async () => {
  const firefox = await listening()
  await firefox.say({ applicationType: 'gecko', marionetteProtocol: 3 }, 7)
  const marionette = await firefox.opened
  const first = marionette.send('WebDriver:Navigate', { url: 'http://localhost/ü' })
  const second = marionette.send('WebDriver:GetTitle')
  expect(await firefox.heard).toContain('56:[0,1,"WebDriver:Navigate",{"url":"http://localhost/ü"}]')
  await firefox.say([1, 2, null, { value: 'Grüße, 世界' }], 30)
  await firefox.say([1, 1, { error: 'unknown error', message: 'Nobody there' }, null])
  expect(await second).toEqual({ value: 'Grüße, 世界' })
  await expect(first).rejects.toThrow('unknown error: Nobody there')
  marionette.close()
  await firefox.end()
})

it('fails what is asked, and what will be, when Firefox goes', async () => {
  const firefox = await listening()
  await firefox.say({ applicationType: 'gecko', marionetteProtocol: 3 })
  const marionette = await firefox.opened
  const asked = marionette.send('WebDriver:GetTitle')
  const failed = expect(asked).rejects.toThrow('Firefox has gone.')
  await firefox.end()
  await failed
  await expect(marionette.send('WebDriver:GetTitle')).rejects.toThrow('Firefox has gone.')
})
