// The only script of the cloud's pages: asks a browser's passkey what the page wants to know (WebAuthn Level 3), and sends the answer with the form.
// It converts by hand what younger browsers convert themselves.
export const passkeyScript = `
const form = document.getElementById("passkey");
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (list) => (list ?? []).map((one) => ({ ...one, id: bytes(one.id) }));
const read = {
  get: ({ challenge, allowCredentials, ...more }) =>
    ({ ...more, challenge: bytes(challenge), allowCredentials: named(allowCredentials) }),
  create: ({ challenge, user, excludeCredentials, ...more }) =>
    ({ ...more, challenge: bytes(challenge), user: { ...user, id: bytes(user.id) }, excludeCredentials: named(excludeCredentials) }),
};
const parts = { get: ["clientDataJSON", "authenticatorData", "signature"], create: ["clientDataJSON", "attestationObject"] };
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const { verb, options } = form.dataset;
  try {
    const publicKey = read[verb](JSON.parse(options));
    const { id, rawId, type, response } = await navigator.credentials[verb]({ publicKey });
    const said = Object.fromEntries(parts[verb].map((name) => [name, text(response[name])]));
    form.elements.answer.value = JSON.stringify({ id, rawId: text(rawId), type, clientExtensionResults: {}, response: said });
    form.submit();
  } catch (error) {
    document.getElementById("problem").textContent = "The passkey gave no answer: " + error.message;
  }
});
`;
