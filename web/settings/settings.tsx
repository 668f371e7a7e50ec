import '../style/panels.css'
import { useState } from 'preact/hooks'
import { type Failure, toFailure } from '../../shared/error.ts'
import type { DeviceApi, Status } from '../../shared/protocol.ts'
import type { Feed } from '../feed/feed.ts'
import type { Install } from '../install.ts'
import { choose, chosenLook, type Look, looks } from '../look.ts'
import { Choice, Fault, Panel, Switch, ViewTitle } from '../parts.tsx'
import { useStore } from '../store.ts'
import { chosenLanguage, languages, speak, t } from '../strings/index.ts'
import { About } from './about.tsx'
import { BadgePanel } from './badge-panel.tsx'
import { Forget } from './forget.tsx'
import { InstallPanel } from './install-panel.tsx'
import { Sharing } from './sharing.tsx'
import { StoragePanel } from './storage-panel.tsx'
import { Takeout } from './takeout.tsx'

export interface SettingsProps {
  device: DeviceApi
  feed: Feed
  install: Install
  status: Status | null
}

/** What the user decides about the app. What the device decides with it waits for the device. */
export function Settings({ device, feed, install, status }: SettingsProps) {
  const state = useStore(feed.state)
  return (
    <div class="panels">
      <ViewTitle>{t.app.settings}</ViewTitle>
      <LanguagePanel />
      <LookPanel />
      {status && <Learning device={device} on={status.learning} />}
      {status && <Sharing device={device} sharing={status.sharing} />}
      <InstallPanel install={install} />
      <BadgePanel />
      {status && <StoragePanel device={device} persistent={status.persistent} />}
      {status && <Takeout device={device} onBroughtIn={() => feed.restart()} />}
      {status && (
        <Forget
          device={device}
          status={status}
          onForget={{ before: () => feed.flush(), after: () => feed.restart() }}
        />
      )}
      {!status && state.phase === 'failed' && (
        <Fault failure={state.failure} retry={() => void feed.start()} />
      )}
      {!status && state.phase !== 'failed' && <p class="quiet">{t.myModel.starting}</p>}
      <About status={status} catalogue={state.phase === 'ready' ? state.catalogue : null} />
    </div>
  )
}

const AS_BROWSER = ''

function LanguagePanel() {
  const [chosen, setChosen] = useState(chosenLanguage() ?? AS_BROWSER)
  const [failed, setFailed] = useState(false)
  const offered = languages.filter(({ name }) => name !== null)
  return (
    <Panel title={t.settings.language}>
      <Choice
        name="language"
        legend={t.settings.language}
        value={chosen}
        options={[
          { value: AS_BROWSER, text: t.settings.system },
          ...offered.map(({ tag, name }) => ({ value: tag, text: name!, lang: tag })),
        ]}
        onChange={(tag) => {
          setChosen(tag)
          setFailed(false)
          speak(tag === AS_BROWSER ? null : tag).catch(() => setFailed(true))
        }}
      />
      <p role="status">{failed && t.settings.notSpoken}</p>
    </Panel>
  )
}

function LookPanel() {
  const [chosen, setChosen] = useState(chosenLook())
  const change = (look: Look) => {
    setChosen(look)
    choose(look)
  }
  return (
    <Panel title={t.settings.look}>
      <Choice
        name="look"
        legend={t.settings.look}
        value={chosen}
        options={looks.map((look) => ({ value: look, text: t.settings.looks[look] }))}
        onChange={change}
      />
    </Panel>
  )
}

function Learning({ device, on }: { device: Pick<DeviceApi, 'learn'>; on: boolean }) {
  const [failure, setFailure] = useState<Failure | null>(null)
  const learn = (on: boolean) => {
    setFailure(null)
    device.learn({ on }).catch((error) => setFailure(toFailure(error)))
  }
  return (
    <Panel title={t.settings.learning}>
      <Switch on={on} text={t.settings.learn} about={t.settings.learnMore} onChange={learn} />
      {failure && <Fault failure={failure} />}
    </Panel>
  )
}
