import { expect, test } from 'vitest'
import { engineIn } from './options.ts'

test('a worker’s name can force an engine that exists, and nothing else', () => {
  expect(engineIn('engine=tfjs-webgpu')).toBe('tfjs-webgpu')
  expect(engineIn('engine=tfjs-cpu&x=1')).toBe('tfjs-cpu')
  for (const name of ['', 'kindred', 'engine=', 'engine=gpu', 'engine=__proto__'])
    expect(engineIn(name)).toBeUndefined()
})
