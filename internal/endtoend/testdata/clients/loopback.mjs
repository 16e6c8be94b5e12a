// Imported first, holds the program to this machine: it connects to no other.
import net from "node:net";

const connect = net.Socket.prototype.connect;
net.Socket.prototype.connect = function (...args) {
    const { host = "localhost" } = [args[0]].flat()[0]; // node's own callers pass a list
    if (!["localhost", "127.0.0.1", "::1"].includes(host)) {
        throw new Error(`${host} is another machine`);
    }
    return connect.apply(this, args);
};
