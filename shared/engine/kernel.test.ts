import { afterEach, beforeEach, expect, test, vi } from 'vitest'

beforeEach(() => {
  vi.resetModules() // each test is a thread of its own
})
afterEach(() => {
  vi.restoreAllMocks()
})

const thread = () => import('./fused/kernel.ts')

test('a thread compiles the kernel once', async () => {
  const compile = vi.spyOn(WebAssembly, 'compile')
  const { compileKernel, isKernel } = await thread()
  const kernel = await compileKernel()
  expect(isKernel(kernel)).toBe(true)
  expect(await compileKernel()).toBe(kernel)
  expect(compile).toHaveBeenCalledTimes(1)
})

test('what could not be compiled is tried again', async () => {
  vi.spyOn(WebAssembly, 'compile').mockRejectedValueOnce(new WebAssembly.CompileError('no memory'))
  const { compileKernel, isKernel } = await thread()
  await expect(compileKernel()).rejects.toMatchObject({ code: 'engine' })
  expect(isKernel(await compileKernel())).toBe(true)
})

test('a kernel that came through a port is used as it is, and only a kernel can be one', async () => {
  const kernel = await (await thread()).compileKernel()
  vi.resetModules()
  const compile = vi.spyOn(WebAssembly, 'compile')
  const { adoptKernel, compileKernel, isKernel } = await thread()
  const { port1, port2 } = new MessageChannel()
  const came = new Promise((resolve) => {
    Object.assign(port2, { onmessage: ({ data }: MessageEvent) => resolve(data) })
  })
  port1.postMessage(kernel)
  const received = await came
  port1.close()
  if (!isKernel(received)) throw new TypeError()
  adoptKernel(received)
  expect(await compileKernel()).toBe(received)
  expect(compile).not.toHaveBeenCalled()
  expect(isKernel({})).toBe(false)
})
