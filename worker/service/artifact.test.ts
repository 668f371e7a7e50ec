import { describe, expect, it } from 'vitest'
import { checkedArtifact, isArtifact } from './artifact.ts'

const BYTES = new TextEncoder().encode('what was promised')
/** By coreutils: printf 'what was promised' | sha256sum */
const NAME = '647d8685d767a6200661cc0b1a22666387867a62050a512a2183b450e3088416'
const request = () => new Request(`https://here.example/artifacts/${NAME}`)

/** Answers one after the other, and how each was asked for. */
function network(...answers: (() => Response)[]) {
  const asked: string[] = []
  const ask = async ({ cache }: Request) => {
    asked.push(cache)
    return answers[Math.min(asked.length, answers.length) - 1]!()
  }
  return { ask, asked }
}
const whole = () => new Response(BYTES, { headers: { 'content-encoding': 'gzip', 'x-own': 'kept' } })
const swapped = () => new Response('something else')

describe('an artifact on its way through the service worker', () => {
  it('goes through if it is what its name promises, unpacked', async () => {
    const { ask, asked } = network(whole)
    const answer = await checkedArtifact(request(), ask)
    expect(new Uint8Array(await answer.arrayBuffer())).toEqual(BYTES)
    expect([answer.headers.get('x-own'), answer.headers.get('content-encoding')]).toEqual(['kept', null])
    expect(asked).toEqual(['default'])
  })

  it('is asked for past the cache if a damaged one was in it', async () => {
    const { ask, asked } = network(swapped, whole)
    expect(await (await checkedArtifact(request(), ask)).text()).toBe('what was promised')
    expect(asked).toEqual(['default', 'reload'])
  })

  it('is nothing if it is another one, however often', async () => {
    for (const other of [swapped, () => new Response(BYTES.subarray(1)), () => new Response('')]) {
      const { ask, asked } = network(other)
      expect((await checkedArtifact(request(), ask)).type).toBe('error')
      expect(asked).toHaveLength(2)
    }
  })

  it('may be refused by the server, who says why; and that there is no network is what it was', async () => {
    const answer = await checkedArtifact(request(), network(() => new Response('gone', { status: 404 })).ask)
    expect([answer.status, await answer.text()]).toEqual([404, 'gone'])
    const failing = checkedArtifact(request(), async () => Promise.reject(new TypeError('no network')))
    await expect(failing).rejects.toThrow('no network')
  })

  it('is at its own address alone', () => {
    const at = (path: string) => isArtifact(new URL(path, 'https://here.example'))
    expect(at(`/artifacts/${NAME}`)).toBe(true)
    for (const path of [
      `/artifacts/${NAME}.js`,
      `/artifacts/${NAME.slice(1)}`,
      `/api/artifacts/${NAME}`,
      '/',
    ])
      expect(at(path), path).toBe(false)
  })
})
