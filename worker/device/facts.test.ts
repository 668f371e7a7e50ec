import { expect, test } from 'vitest'
import { activeRequestSchema } from '../../shared/api.ts'
import { factsOf } from './facts.ts'

const AGENTS = {
  android:
    'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36',
  ios: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
  chromeos:
    'Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36',
  windows: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0',
  macos:
    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15',
  linux: 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0',
}

test.each(Object.entries(AGENTS))('a browser on %s says so', (platform, userAgent) => {
  expect(factsOf({ userAgent }, '1.2.3').platform).toBe(platform)
})

test('what is said fits what the server takes, and what is strange is not said', () => {
  const known = factsOf({ userAgent: AGENTS.linux, language: 'de-DE', gpu: {} }, '1.2.3')
  expect(known).toEqual({
    app: '1.2.3',
    platform: 'linux',
    language: 'de-DE',
    capabilities: ['webgpu', 'wasm-simd'],
  })
  const strange = factsOf({ userAgent: 'curl/8', language: 'C.UTF-8' }, '2.0.0-beta.1')
  expect(strange).toEqual({ capabilities: ['wasm-simd'] })
  for (const facts of [known, strange]) expect(activeRequestSchema.parse(facts)).toEqual(facts)
})
