/** Whether there is a GPU worth computing on. */

/** Names under which software rasterisers present themselves as adapters. */
const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|microsoft basic render|\bwarp\b/i

/** True if WebGPU offers an adapter that is a GPU; a software or fallback adapter counts as none. Never throws. */
export async function hasTrueAdapter(): Promise<boolean> {
  try {
    // Node 20 has no `navigator`, nor do its types.
    const { navigator } = globalThis as { navigator?: { gpu?: GPU } }
    const adapter = await navigator?.gpu?.requestAdapter({ powerPreference: 'low-power' })
    if (!adapter) return false
    // `isFallbackAdapter` moved from the adapter to its info; browsers have one, the other or both.
    const { isFallbackAdapter } = adapter as { isFallbackAdapter?: boolean }
    const info = adapter.info as Partial<GPUAdapterInfo> | undefined
    if (isFallbackAdapter === true || info?.isFallbackAdapter === true) return false
    return !SOFTWARE.test([info?.vendor, info?.architecture, info?.device, info?.description].join(' '))
  } catch {
    return false
  }
}
