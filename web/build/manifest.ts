/** What the browser is told of the app when it is installed. */
import type { ManifestOptions } from 'vite-plugin-pwa'

const icon = (src: string, sizes: string, purpose?: 'maskable' | 'monochrome') => ({
  src,
  sizes,
  type: src.endsWith('.svg') ? 'image/svg+xml' : 'image/png',
  ...(purpose && { purpose }),
})

const screenshot = (name: string, sizes: string, form_factor: 'narrow' | 'wide', label: string) => ({
  src: `/screenshots/${name}.png`,
  sizes,
  type: 'image/png',
  form_factor,
  label,
})

const shortcut = (name: string, view: string) => ({
  name,
  url: `/#/${view}`,
  icons: [icon(`/shortcut-${view || 'feed'}.png`, '96x96')],
})

export const manifest: Partial<ManifestOptions> = {
  id: '/',
  name: 'Kindred',
  short_name: 'Kindred',
  description: 'A feed that learns what you like, on your own device.',
  lang: 'en',
  dir: 'ltr',
  start_url: '/',
  scope: '/',
  display: 'standalone',
  display_override: ['standalone', 'minimal-ui'],
  orientation: 'any',
  // A window that is open is shown, not loaded anew: that would cut a round. Where it then goes, `launch.ts` decides.
  launch_handler: { client_mode: ['focus-existing', 'auto'] },
  categories: ['entertainment', 'personalization'],
  background_color: '#faf7f2',
  theme_color: '#faf7f2',
  icons: [
    icon('/icon.svg', 'any'),
    icon('/icon-192.png', '192x192'),
    icon('/icon-512.png', '512x512'),
    icon('/icon-maskable-512.png', '512x512', 'maskable'),
    icon('/icon-monochrome-512.png', '512x512', 'monochrome'),
  ],
  shortcuts: [shortcut('Feed', ''), shortcut('My model', 'my-model')],
  screenshots: [
    screenshot('feed-narrow', '824x1830', 'narrow', 'The feed, ranked on the device'),
    screenshot('my-model-narrow', '824x1830', 'narrow', 'What the model has learnt'),
    screenshot('feed-wide', '1280x800', 'wide', 'The feed, ranked on the device'),
    screenshot('my-model-wide', '1280x800', 'wide', 'What the model has learnt'),
  ],
}
