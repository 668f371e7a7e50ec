import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { answerIn, openConnection, requestOf } from './connection.ts'

const server = createServer(async (request, response) => {
  let body = ''
  for await (const chunk of request) body += chunk
  if (request.url === '/gone') response.setHeader('connection', 'close')
  response.setHeader('x-from', request.socket.remoteAddress ?? '')
  response.end(`${request.method} ${request.url} ${request.headers.authorization ?? ''} ${body}`)
})
const target = { host: '127.0.0.1', port: 0 }

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  target.port = (server.address() as AddressInfo).port
})
afterAll(() => void server.close())

test('an answer is whole when all the bytes that it promises are there', () => {
  const text = 'HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\nbusy'
  for (let length = 0; length < text.length; length++)
    expect(answerIn(Buffer.from(text.slice(0, length)))).toBeUndefined()
  const { answer, length } = answerIn(Buffer.from(`${text}HTTP/1.1 200`))!
  expect(length).toBe(text.length)
  expect(answer.status).toBe(429)
  expect(answer.header('retry-after')).toBe('7')
  expect(answer.header('content-length')).toBe('4')
  expect(answer.header('etag')).toBeUndefined()
  expect(answer.body.toString()).toBe('busy')
})

test('304 has no body, whatever it says', () => {
  const text = 'HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n'
  expect(answerIn(Buffer.from(text))!.length).toBe(text.length)
})

test('a server reads what is sent, one request after the other on the same connection', async () => {
  const connection = openConnection(target)
  const first = await connection.send(requestOf('/a?b', { credential: 'me' }))
  expect(first.body.toString()).toBe('GET /a?b Bearer me ')
  const body = new TextEncoder().encode('œuf')
  const second = await connection.send(requestOf('/c', { method: 'POST', body }))
  expect(second.body.toString()).toBe('POST /c  œuf')
  connection.close()
})

test('a connection that the server has closed, or closes just now, is opened again', async () => {
  const connection = openConnection(target)
  for (let i = 0; i < 20; i++) expect((await connection.send(requestOf('/gone'))).status).toBe(200)
  connection.close()
})

test('a request whose answer never comes fails', async () => {
  const connection = openConnection({ host: '127.0.0.1', port: 1 })
  await expect(connection.send(requestOf('/'))).rejects.toThrow('ECONNREFUSED')
})
