// What the stories check.

export function is(what, got, want) {
    if (JSON.stringify(got) !== JSON.stringify(want)) {
        throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
    }
}

// failure is the error of what must fail.
export async function failure(what, doing) {
    try {
        await doing;
    } catch (error) {
        return error;
    }
    throw new Error(`${what} succeeds`);
}
