import { describe, expect, it } from 'vitest'
import { reachSchema } from '../../shared/admin.ts'
import { toFailure } from '../../shared/error.ts'
import { createAsk } from './ask.ts'

const reach = { devices: 1, releases: [], given: [] }
const answering = (status: number, body: unknown) => {
  const asked: [path: string, init: RequestInit][] = []
  const fetched = async (path: string, init: RequestInit) => {
    asked.push([path, init])
    return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status })
  }
  return { asked, ask: createAsk('secret', fetched as typeof fetch) }
}
const failureOf = (promise: Promise<unknown>) => promise.then(() => null, toFailure)

describe('asking the operator’s routes', () => {
  it('shows the credential in its header, and nowhere else', async () => {
    const { asked, ask } = answering(200, reach)
    expect(await ask(reachSchema, '/releases/reach')).toEqual(reach)
    await ask(reachSchema, '/x', { order: 1 })
    const [[path, get], [, post]] = asked as [(typeof asked)[0], (typeof asked)[0]]
    expect([path, get.method, get.body, get.credentials]).toEqual([
      '/api/admin/releases/reach',
      'GET',
      undefined,
      'omit',
    ])
    expect((get.headers as Headers).get('authorization')).toBe('Bearer secret')
    expect([post.method, post.body]).toEqual(['POST', '{"order":1}'])
  })

  it.each([
    [
      401,
      { title: 'Unauthorized', detail: 'No.' },
      'unauthorised',
      'That is not the admin credential of this server.',
    ],
    [400, { title: 'Bad Request', detail: 'Release 4 is revoked.' }, 'refused', 'Release 4 is revoked.'],
    [404, { title: 'Not Found' }, 'not-ready', 'Not Found'],
    [502, 'a proxy’s page', 'refused', '502'],
    [200, { devices: -1 }, 'bad-input', /^The answer at devices/],
  ])('%d %j fails with a sentence', async (status, body, code, message) => {
    const failure = await failureOf(answering(status, body).ask(reachSchema, '/x'))
    expect(failure).toMatchObject({ code, message: expect.stringMatching(message) })
  })

  it('says so where no server answers, and where no header could hold the credential', async () => {
    const none = createAsk('secret', (() => Promise.reject(new TypeError('no network'))) as typeof fetch)
    expect(await failureOf(none(reachSchema, '/x'))).toMatchObject({ code: 'offline' })
    const { asked } = answering(200, reach)
    const strange = createAsk('\u{1f511}', (async () => new Response()) as typeof fetch)
    expect(await failureOf(strange(reachSchema, '/x'))).toMatchObject({ code: 'unauthorised' })
    expect(asked).toEqual([])
  })
})
