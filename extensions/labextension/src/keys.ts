/** What the keyboard does in the dialog of sharing. JupyterLab's Dialog takes every Enter for its default button. */

/** What a control is told instead of Enter, which it never sees: the Dialog would have taken it. */
export const ENTER = 'rh-enter';

/** Controls whose own Enter is a click, a new line or nothing: what somebody does there never sends. */
const OWN = 'button, summary, a, textarea, select, input[type=checkbox], input[type=radio], input[type=search]';

/**
 * Whether a key or click would send: Enter in a line of text or on the button, or a click on it. Enter in other
 * controls stays theirs: its default action happens, and they are told by `ENTER`.
 */
export function sends(event: Event, dialog: HTMLElement, button: HTMLElement | null): boolean {
  const target = event.target as HTMLElement;
  if (!dialog.contains(target)) {
    return false;
  }
  if (event.type === 'click') {
    return button?.contains(target) ?? false;
  }
  if (!(event instanceof KeyboardEvent) || event.key !== 'Enter') {
    return false;
  }
  if (target.closest('.jp-Dialog-footer')) {
    return button?.contains(target) ?? false;
  }
  // Enter that ends a Chinese word is the input method's.
  if (event.isComposing || target.closest(OWN)) {
    event.stopPropagation();
    if (!event.isComposing) {
      target.dispatchEvent(new Event(ENTER));
    }
    return false;
  }
  return true;
}
