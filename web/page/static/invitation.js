// Reads the token and the private key of an invitation out of the fragment of this page's
// address, which the browser sends nowhere, and prepares the form: it shows the server
// that the key is here, by its hash, and does not tell it.
"use strict";
{
  const form = document.getElementById("invitation");
  const say = (id) => { document.getElementById(id).hidden = false; };
  const short = /^#([\w-]{22})([\w-]{43})$/.exec(location.hash);
  const long = new URLSearchParams(location.hash.slice(1));
  const token = short ? short[1] : long.get("token");
  const key = short ? short[2] : long.get("key");

  document.getElementById("no-script").hidden = true;
  for (const other of document.querySelectorAll("a[hreflang]")) {
    other.hash = location.hash; // the same invitation in another language
  }
  if (!/^[\w-]{22}$/.test(token) || !/^[\w-]{43}$/.test(key)) {
    say("broken");
  } else if (!window.crypto || !crypto.subtle) { // only over https, and on this machine
    say("no-script");
  } else {
    crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)).then((sum) => {
      const text = btoa(String.fromCharCode(...new Uint8Array(sum)));
      form.elements.token.value = token;
      form.elements.proof.value = text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
      form.hidden = false;
    });
  }
}
