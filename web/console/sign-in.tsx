import { useState } from 'preact/hooks'
import { shownBoardSchema } from '../../shared/admin.ts'
import { toFailure } from '../../shared/error.ts'
import { Mark } from '../parts.tsx'
import type { Ask } from './ask.ts'
import { Field, Title, typed } from './parts.tsx'
import type { Operator } from './session.ts'
import { t } from './words/index.ts'

interface SignInProps {
  /** Why one has to. */
  why: string | null
  askAs: (credential: string) => Ask
  enter: (operator: Operator) => void
}

/** Asks who it is and for the credential, and tries it. */
export function SignIn({ why, askAs, enter }: SignInProps) {
  const [who, setWho] = useState('')
  const [credential, setCredential] = useState('')
  const [step, setStep] = useState<{ entering: boolean; wrong: string | null }>({
    entering: false,
    wrong: why,
  })

  async function submit(): Promise<void> {
    setStep({ entering: true, wrong: null })
    const operator = { who: who.trim(), credential: credential.trim() }
    try {
      await askAs(operator.credential)(shownBoardSchema, '/releases')
      enter(operator)
    } catch (error) {
      const { code, message } = toFailure(error)
      setStep({ entering: false, wrong: code === 'not-ready' ? t.signIn.absent : message })
    }
  }

  return (
    <main class="console sign-in">
      <div class="wordmark">
        <Mark />
        <span aria-hidden="true">{t.short}</span>
      </div>
      <Title>{t.signIn.title}</Title>
      <p>{t.signIn.about}</p>
      <form
        class="panel form"
        onSubmit={(event) => {
          event.preventDefault()
          void submit()
        }}
      >
        <Field id="who" label={t.signIn.who} about={t.signIn.whoAbout}>
          {(field) => (
            <input
              {...field}
              type="text"
              autocomplete="name"
              required
              maxLength={80}
              value={who}
              {...typed(setWho)}
            />
          )}
        </Field>
        <Field id="credential" label={t.signIn.credential} about={t.signIn.credentialAbout}>
          {(field) => (
            <input
              {...field}
              type="password"
              autocomplete="off"
              spellcheck={false}
              required
              value={credential}
              {...typed(setCredential)}
            />
          )}
        </Field>
        {step.wrong !== null && (
          <p class="wrong" role="alert">
            {step.wrong}
          </p>
        )}
        <button type="submit" class="button primary" aria-disabled={step.entering}>
          {step.entering ? t.signIn.entering : t.signIn.enter}
        </button>
      </form>
    </main>
  )
}
