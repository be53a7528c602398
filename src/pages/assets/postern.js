// What the hosted pages do more comfortably with script. Every page works without it.

/** @type {<T extends Element>(selector: string, type: new () => T) => T[]} */
const all = (selector, type) =>
  [...document.querySelectorAll(selector)].flatMap((found) => (found instanceof type ? [found] : []))

/** Says something to screen readers, when they have finished what they are saying. */
const announce = (/** @type {string} */ text) => {
  let live = document.getElementById('announced')
  if (!live) {
    live = document.createElement('p')
    live.id = 'announced'
    live.className = 'unseen'
    live.setAttribute('role', 'status')
    document.querySelector('main')?.append(live)
  }
  if (live.textContent !== text) live.textContent = text
}

/** A second press of a button sends nothing: the first is on its way. A page that comes back from history is fresh. */
const sendOnce = () => {
  /** @type {WeakSet<HTMLFormElement>} */
  const sent = new WeakSet()
  document.addEventListener('submit', (event) => {
    const { target: form, submitter } = event
    if (!(form instanceof HTMLFormElement) || form.id === 'download') return
    if (sent.has(form)) return event.preventDefault()
    sent.add(form)
    submitter?.setAttribute('aria-disabled', 'true')
  })
  addEventListener('pageshow', ({ persisted }) => {
    if (persisted) location.reload()
  })
}

const revealPasswords = () => {
  for (const button of all('[data-reveal]', HTMLButtonElement)) {
    const input = document.getElementById(button.dataset.reveal ?? '')
    if (!(input instanceof HTMLInputElement)) continue
    button.hidden = false
    const show = (/** @type {boolean} */ shown) => {
      input.type = shown ? 'text' : 'password'
      button.classList.toggle('shown', shown)
      button.setAttribute('aria-label', (shown ? button.dataset.hide : button.dataset.show) ?? '')
    }
    button.addEventListener('click', () => show(input.type === 'password'))
    // A password that is sent as text would be kept among what was typed into text fields.
    input.form?.addEventListener('submit', () => show(false))
  }
}

/** Digits alone; sent when all are there, once: a code that was wrong is corrected in peace. */
const completeCodes = () => {
  for (const input of all('input[data-digits]', HTMLInputElement)) {
    const digits = Number(input.dataset.digits)
    const boxes = [...(input.nextElementSibling?.children ?? [])]
    const markNext = () => {
      const next = Math.min(input.value.length, digits - 1)
      for (const [index, box] of boxes.entries()) box.classList.toggle('next', index === next)
    }
    input.parentElement?.classList.add('tracked')
    markNext()
    let isSent = false
    input.addEventListener('input', () => {
      const code = input.value.replace(/\D/g, '').slice(0, digits)
      if (code !== input.value) input.value = code
      markNext()
      if (code.length < digits || isSent) return
      isSent = true
      input.form?.requestSubmit()
    })
  }
}

/** Says so on the button, and takes it back after a while. */
const sayDone = (/** @type {HTMLButtonElement} */ button) => {
  const label = button.querySelector('span')
  const { done = '' } = button.dataset
  if (!label || label.textContent === done) return
  const before = label.textContent
  label.textContent = done
  announce(done)
  setTimeout(() => {
    label.textContent = before
  }, 3000)
}

const copyOnPress = () => {
  for (const button of all('[data-copy]', HTMLButtonElement)) {
    // Only where the page is secure.
    button.hidden = !navigator.clipboard
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(button.dataset.copy ?? '')
      sayDone(button)
    })
  }
}

const saveAndPrint = () => {
  for (const button of all('[data-download]', HTMLButtonElement)) {
    button.hidden = false
    button.addEventListener('click', (event) => {
      event.preventDefault()
      const link = document.createElement('a')
      link.href = URL.createObjectURL(new Blob([button.dataset.text ?? ''], { type: 'text/plain' }))
      link.download = button.dataset.download ?? ''
      link.click()
      setTimeout(() => URL.revokeObjectURL(link.href), 1000)
    })
  }
  for (const button of all('[data-print]', HTMLButtonElement)) {
    button.hidden = false
    button.addEventListener('click', () => print())
  }
}

const LAST_SECONDS = 60

/** Counts from the moment the page came, so that a wrong clock on this device does no harm. */
const countDown = () => {
  for (const shown of all('[data-seconds]', HTMLElement)) {
    const { seconds, pattern = '', last = '', over = '' } = shown.dataset
    const end = performance.now() + Number(seconds) * 1000
    const tick = () => {
      const left = Math.max(0, Math.ceil((end - performance.now()) / 1000))
      const time = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}`
      shown.textContent = left > 0 ? pattern.replace('{time}', time) : over
      if (left === 0) {
        announce(over)
        clearInterval(timer)
      } else if (left <= LAST_SECONDS) announce(last)
    }
    const timer = setInterval(tick, 1000)
    tick()
  }
}

sendOnce()
revealPasswords()
completeCodes()
copyOnPress()
saveAndPrint()
countDown()
// The answer to the application is sent on at once (OAuth 2.0 Form Post Response Mode).
for (const form of all('form[data-send]', HTMLFormElement)) form.requestSubmit()
