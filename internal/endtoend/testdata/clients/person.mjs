// What people do beside their client: they read the development mailbox, and fill in the forms
// of pages in a browser.
const entities = { amp: "&", lt: "<", gt: ">", "#34": '"', "#39": "'", "#43": "+" };
const plain = (html) => html.replace(/<[^>]*>/g, "").replace(/&([a-z]+|#\d+);/g, (entity, name) => entities[name] ?? entity);

// Mailbox is that of an identity server in development mode.
export class Mailbox {
    constructor(idServer) {
        this.url = `${idServer}/_signet/mailbox`;
        this.read = new Map(); // the newest message by whom it is to
    }

    // solves fills in what a person reads in the picture of a page.
    async solves(browser) {
        const [, id] = /\/([^/]+)\/image"/.exec(browser.page);
        const page = await (await fetch(this.url)).text();
        const [, answer] = new RegExp(`CAPTCHA ${id}</span></a> <span class="hint">Answer</span> <strong>(\\d+)<`).exec(page);
        await browser.send({ answer });
    }

    // newest waits for something in a message to somebody that came after those that were read.
    async newest(to, what) {
        for (const deadline = Date.now() + 240_000; Date.now() < deadline; ) {
            const page = await (await fetch(this.url)).text();
            const articles = [...page.matchAll(/<article.*?<\/article>/gs)].map(([article]) => article);
            for (const article of articles.filter((a) => plain(a).includes(` to ${to} ·`))) {
                const [id] = /href="[^"]*"/.exec(article);
                if (this.read.get(to) === id) break;
                const found = what.exec(plain(/<pre[^>]*>(.*?)<\/pre>/s.exec(article)[1]))?.[0];
                if (found) {
                    this.read.set(to, id);
                    return found;
                }
            }
            await new Promise((wait) => setTimeout(wait, 20)); // another process has no signal to give
        }
        throw new Error(`nothing in the messages to ${to} is like ${what}:\n${plain(await (await fetch(this.url)).text())}`);
    }

    // code is that of a message to an address, or to a number with its +.
    async code(to) {
        return (await this.newest(to, /\b(\d{4} ?\d{4}|\d{6})\b/)).replace(" ", "");
    }

    // follows opens the link by which an address is confirmed, and presses the button.
    async follows(to) {
        const browser = new Browser();
        await browser.open(await this.newest(to, /http\S*\/_signet\/verify\/\S+/));
        await browser.send({});
    }
}

// Browser shows one page.
export class Browser {
    cookies = new Map();

    async open(url) {
        this.url = url;
        await this.#show(url, {});
    }

    // send fills in the form of the page. Where that leads elsewhere, location tells.
    async send(fields) {
        const [, attributes, inside] = /<form method="post"([^>]*)>(.*)<\/form>/s.exec(this.page);
        const action = /action="([^"]*)"/.exec(attributes)?.[1] ?? "";
        const hidden = [...inside.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, plain(value)]);
        const body = new URLSearchParams({ ...Object.fromEntries(hidden), ...fields });
        await this.#show(new URL(plain(action), this.url).href, { method: "POST", body });
    }

    // reads throws unless the page has a text.
    reads(text) {
        if (!plain(this.page).includes(text)) throw new Error(`${this.url} does not show "${text}" but:\n${plain(this.page)}`);
    }

    async #show(url, request) {
        const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
        const response = await fetch(url, { ...request, redirect: "manual", headers: { cookie } });
        for (const set of response.headers.getSetCookie()) {
            const [, name, value] = /^([^=]*)=([^;]*)/.exec(set);
            this.cookies.set(name, value);
        }
        this.location = response.headers.get("location");
        this.page = await response.text();
    }
}
