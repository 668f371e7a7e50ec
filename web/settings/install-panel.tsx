import type { Install } from '../install.ts'
import { Icon, Panel } from '../parts.tsx'
import { useStore } from '../store.ts'
import { t } from '../strings/index.ts'

/** How the app gets onto the home screen: by a button, or by the user's own hand. */
export function InstallPanel({ install }: { install: Install }) {
  const state = useStore(install.state)
  return (
    <Panel title={t.install.title}>
      {(state === 'offered' || state === 'declined') && (
        <>
          <p>{t.install.about}</p>
          <button type="button" class="button" onClick={() => void install.ask()}>
            <Icon name="install" /> {t.install.install}
          </button>
        </>
      )}
      {install.byHand && <p>{t.install.byHand[install.byHand]}</p>}
      {state === 'installed' && <p>{t.install.installed}</p>}
      {state === 'none' && <p>{t.install.none}</p>}
    </Panel>
  )
}
