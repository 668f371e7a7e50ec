/** The page that leads a device through trusting this server; its style and script are allowed by their hashes. */
import { html, raw } from 'hono/html'

type Html = ReturnType<typeof html>
export type Platform = 'ios' | 'android' | 'desktop'

export interface GuideText {
  /** What the machine is called, as `studio`. */
  readonly name: string
  /** What the device lists the authority as. */
  readonly title: string
  /** Where the app is. */
  readonly app: string
  /** SHA-256 of the authority's certificate, as `AB:CD:…`. */
  readonly fingerprint: string
  readonly permitted: readonly string[]
  readonly platform: Platform
}

export const CERTIFICATE = '/kindred-ca.crt'
export const PROFILE = '/kindred-ca.mobileconfig'

/** An iPad says that it is a Mac; the script knows better. */
export function platformOf(agent = ''): Platform {
  if (/iPhone|iPad|iPod/.test(agent)) return 'ios'
  return agent.includes('Android') ? 'android' : 'desktop'
}

/** Eight bytes a row, for eyes that compare. */
export const rowsOf = (fingerprint: string): string[] => fingerprint.match(/..(:..){7}/g) ?? []

export const guidePage = (text: GuideText) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>Trust Kindred on ${text.name}</title>
<style>${raw(GUIDE_CSS)}</style>
</head>
<body>
<header>
<svg viewBox="0 0 48 32" aria-hidden="true"><circle class="one" cx="17" cy="16" r="14"/><circle class="two" cx="31" cy="16" r="14"/><path class="both" d="M24 3.876a14 14 0 0 1 0 24.248a14 14 0 0 1 0 -24.248Z"/></svg>
<span>kindred</span>
</header>
<main>
<h1>Two minutes, once, and this device trusts ${text.name}</h1>
<p>Kindred runs on <strong>${text.name}</strong>, in the network that you are in. To learn on your device, and to be
installed on it, it has to be reached over an encrypted connection. The certificate for that was made on
${text.name} itself, so your device has to be told that you trust it.</p>
<section id="state" class="card" data-state="asking" data-app="${text.app}" aria-labelledby="verdict">
<h2><span id="verdict" role="status">
<span data-when="asking">Does this device trust ${text.name} already?</span>
<span data-when="trusted">This device trusts ${text.name}.</span>
<span data-when="untrusted">This device does not trust ${text.name} yet.</span>
</span></h2>
<p data-when="untrusted">Follow the steps for your device. This page notices when you come back.</p>
<p data-when="trusted"><a class="button" href="${text.app}">Open Kindred</a></p>
<p data-when="untrusted"><button type="button" id="again" class="button quiet">Look again</button></p>
<noscript><p>When you have followed the steps: <a href="${text.app}">open Kindred</a>.</p></noscript>
</section>
${platformSteps(text)}
<section aria-labelledby="compare">
<h2 id="compare">Compare before you trust</h2>
<p>The terminal on ${text.name} shows this SHA-256 fingerprint. Your device shows the one of what it got, in its settings:</p>
<p class="fingerprint">${rowsOf(text.fingerprint).map((row) => html`<code>${row}</code> `)}</p>
<p>This page itself came over a connection that is not encrypted. Whoever is in the network with you could have changed the
page, and the file with it. So believe the <em>terminal</em> and your device’s <em>settings</em>. If they differ, remove what
you installed.</p>
</section>
<section aria-labelledby="means">
<h2 id="means">What you trust, and what not</h2>
<ul>
<li>It can vouch for these only: ${text.permitted.map((one, i) => html`${i > 0 ? ', ' : ''}<code>${one}</code>`)}. Your bank,
your mail and every other site stay as they were.</li>
<li>The key of what you install exists no more. What it signed, and can sign for these alone, is a key on ${text.name}, readable
by nobody but who runs Kindred.</li>
<li>When you no longer need it, remove <strong>${text.title}</strong> where you installed it.</li>
</ul>
</section>
</main>
<script>${raw(GUIDE_SCRIPT)}</script>
</body>
</html>`

function platformSteps(text: GuideText): Html {
  const { title, platform } = text
  const one = (id: Platform, name: string, steps: Html): [Platform, Html] => [
    id,
    html`<details name="platform" id="${id}"${platform === id ? raw(' open') : ''}><summary><h2>${name}</h2></summary>${steps}</details>`,
  ]
  const all = [
    one(
      'ios',
      'iPhone and iPad',
      html`<ol>
<li>In <b>Safari</b>, get the profile and choose <b>Allow</b>. <a class="button" href="${PROFILE}" download>Get the profile</a></li>
<li>Open <b>Settings</b>. Tap <b>Profile Downloaded</b> near the top (or <b>General › VPN &amp; Device Management</b>). Under
<b>More Details</b>, tap the certificate and <a href="#compare">compare the fingerprint</a>.</li>
<li>Go back, tap <b>Install</b>, and confirm. (iOS calls every profile that one makes oneself “not signed”.)</li>
<li><b>General › About › Certificate Trust Settings</b>: switch on <b>${title}</b>.</li>
<li>Come back to this page.</li>
</ol>`,
    ),
    one(
      'android',
      'Android',
      html`<ol>
<li>Get the certificate. If the browser warns of the file, keep it. <a class="button" href="${CERTIFICATE}" download>Get the certificate</a></li>
<li>Open <b>Settings</b>, search for <b>CA certificate</b>, and tap it. (It is under <b>Security › Encryption &amp; credentials ›
Install a certificate</b>; phones differ.) Choose <b>Install anyway</b>, then the file <b>kindred-ca.crt</b>.</li>
<li>In <b>Settings</b>, search for <b>Trusted credentials</b>, then <b>User</b>. Tap <b>${title}</b> and
<a href="#compare">compare the fingerprint</a>.</li>
<li>Come back to this page.</li>
</ol>
<p class="small">Android will say from now on that the network may be monitored: it says so of every authority that was added.
Firefox asks for more: in its settings tap <b>About Firefox</b>, there five times the logo, and switch on <b>Secret settings › Use
third party CA certificates</b>.</p>`,
    ),
    one(
      'desktop',
      'Computer',
      html`<p>On ${text.name} itself none of this is due: there Kindred stays at the <code>http://localhost</code> address that the
terminal names.</p>
<p><a class="button" href="${CERTIFICATE}" download>Get the certificate</a></p>
<dl>
<dt>macOS</dt><dd>Open the file; in Keychain Access open <b>${title}</b>, <a href="#compare">compare the fingerprint</a>, and
under <b>Trust</b> choose <b>Always Trust</b>.</dd>
<dt>Windows</dt><dd>Compare what <code>certutil -hashfile kindred-ca.crt SHA256</code> says with the terminal. Then open the file:
<b>Install Certificate › Current User › Trusted Root Certification Authorities</b>.</dd>
<dt>Chrome on Linux</dt><dd>At <code>chrome://certificate-manager</code>: <b>Custom › Installed by you › Import</b>.</dd>
<dt>Firefox</dt><dd><b>Settings › Privacy &amp; Security › View Certificates › Authorities › Import</b>, for websites.</dd>
</dl>`,
    ),
  ]
  // The device's own come first.
  return html`${all.sort(([a], [b]) => Number(b === platform) - Number(a === platform)).map(([, steps]) => steps)}`
}

/** Asks the app's origin, which answers only if the certificate is believed; what is answered does not matter. */
export const GUIDE_SCRIPT = `
const card = document.getElementById('state')
const show = (state) => {
  card.dataset.state = state
  if (state === 'trusted') for (const one of document.querySelectorAll('details')) one.open = false
}
let asking = false
async function look() {
  if (asking) return
  asking = true
  try {
    await fetch(card.dataset.app + '/healthz', { mode: 'no-cors', cache: 'no-store', signal: AbortSignal.timeout(8000) })
    show('trusted')
  } catch {
    show('untrusted')
  }
  asking = false
}
document.getElementById('again').addEventListener('click', () => { show('asking'); look() })
document.addEventListener('visibilitychange', () => { if (!document.hidden) look() })
addEventListener('pageshow', look)
if (/Macintosh/.test(navigator.userAgent) && navigator.maxTouchPoints > 1) {
  document.getElementById('desktop').open = false
  document.getElementById('ios').open = true
}
`

export const GUIDE_CSS = `
:root {
  color-scheme: light dark;
  --paper: light-dark(#faf7f2, #14191a); --sheet: light-dark(#fff, #1d2425); --sunken: light-dark(#f1ebe1, #262f30);
  --line: light-dark(#ddd4c6, #37423f); --edge: light-dark(#8b8276, #7d8984); --ink: light-dark(#23211e, #f0ebe2);
  --quiet: light-dark(#645d54, #b0aca2); --pine: light-dark(#2f5d50, #7fbfa6); --pine-ink: light-dark(#2a5448, #94cfb8);
  --on-pine: light-dark(#fff, #10231c); --clay: light-dark(#c8553d, #e58a70); --wash: light-dark(#e4eee8, #22352f);
}
* { box-sizing: border-box; }
html { background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; text-size-adjust: 100%; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 42rem; padding: 0.75rem max(1rem, env(safe-area-inset-right)) 3rem max(1rem, env(safe-area-inset-left)); overflow-wrap: break-word; }
header { display: flex; align-items: center; gap: 0.5rem; min-height: 2.75rem; font: 600 1.5rem/1 "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", Georgia, serif; }
header svg { width: 2.25rem; height: 1.5rem; }
.one { fill: var(--pine); } .two { fill: var(--clay); } .both { fill: var(--paper); }
h1, h2 { margin: 0; font-family: "Iowan Old Style", "Palatino Linotype", Palatino, "Noto Serif", Georgia, serif; font-weight: 600; line-height: 1.2; text-wrap: balance; }
h1 { margin-block: 1rem 0.5rem; font-size: 1.75rem; }
h2 { font-size: 1.1875rem; }
p { margin: 0.5rem 0; }
a { color: var(--pine-ink); }
:focus-visible { outline: 3px solid var(--clay); outline-offset: 2px; }
section, details { margin-top: 1rem; padding: 1rem; border: 1px solid var(--line); border-radius: 1rem; background: var(--sheet); }
section > :last-child, details > :last-child { margin-bottom: 0; }
.card { border-color: var(--edge); background: var(--sunken); }
.card > p { margin-bottom: 0; }
.card[data-state=trusted] { border-color: var(--pine); background: var(--wash); }
.card [data-when] { display: none; }
.card[data-state=asking] [data-when=asking], .card[data-state=trusted] [data-when=trusted], .card[data-state=untrusted] [data-when=untrusted] { display: revert; }
.button { display: inline-flex; align-items: center; justify-content: center; min-height: 2.75rem; margin-block: 0.25rem; padding: 0.4rem 1.1rem; border: 1px solid var(--pine); border-radius: 0.75rem; background: var(--pine); color: var(--on-pine); font: inherit; font-weight: 600; text-decoration: none; }
li > .button { display: flex; width: fit-content; margin-top: 0.5rem; }
.button.quiet { border-color: var(--edge); background: none; color: var(--ink); }
summary { display: flex; align-items: center; justify-content: space-between; gap: 1rem; min-height: 2.75rem; margin: -1rem; padding: 1rem; border-radius: 1rem; cursor: pointer; }
summary::-webkit-details-marker { display: none; }
summary::after { content: ""; flex: none; width: 0.55rem; height: 0.55rem; border: solid var(--quiet); border-width: 0 2px 2px 0; transform: translateY(-25%) rotate(45deg); }
details[open] > summary::after { transform: translateY(25%) rotate(-135deg); }
ol, ul { display: grid; gap: 0.75rem; margin: 0.75rem 0; padding-inline-start: 1.35rem; }
li::marker { color: var(--pine-ink); font-weight: 600; }
dl { margin: 0.75rem 0; } dt { font-weight: 600; } dd { margin: 0 0 0.75rem; }
code { font: 0.92em ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.fingerprint code { display: block; }
.fingerprint { padding: 0.75rem; border-radius: 0.75rem; background: var(--sunken); }
.small { color: var(--quiet); font-size: 0.9375rem; }
`
