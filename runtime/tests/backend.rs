//! What every backend must do, run on each of them with the real kernel.

#![allow(clippy::unwrap_used, reason = "a test panics when it cannot go on")]
#![allow(clippy::disallowed_methods, reason = "a test asks the kernel and starts threads")]

use std::cell::RefCell;
use std::fs;
use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use millrace_runtime::{
    BackendKind, Bell, Clock, ConnectedSocket, Connection, ListenSocket, NetError, Placement, Running,
    RuntimeError, ShardContext, connect, listen, mesh, place, ring, start,
};

const BACKENDS: [BackendKind; 2] = [BackendKind::Glommio, BackendKind::Threads];

const MILLISECOND_NS: u64 = 1_000_000;

/// Seats on the cores there are, taking turns if need be.
fn seats(shards: usize) -> Vec<Placement> {
    place(Some(shards), None, true).unwrap()
}

fn launch<T, F, Fut>(backend: BackendKind, mains: Vec<F>) -> Result<Running<T>, RuntimeError>
where
    F: FnOnce(ShardContext) -> Fut + Send + 'static,
    Fut: Future<Output = T> + 'static,
    T: Send + 'static,
{
    let bell = Bell::new().unwrap();
    start(backend, &seats(mains.len()), Clock::new(), bell.handle(), mains)
}

fn run<T, F, Fut>(backend: BackendKind, mains: Vec<F>) -> Result<Vec<T>, RuntimeError>
where
    F: FnOnce(ShardContext) -> Fut + Send + 'static,
    Fut: Future<Output = T> + 'static,
    T: Send + 'static,
{
    launch(backend, mains)?.wait()
}

/// What the kernel says of the calling thread.
fn status(field: &str) -> String {
    let status = fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_start_matches(':').trim().to_string()
}

fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills a live struct.
    assert_eq!(unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) }, 0);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[test]
fn each_shard_is_pinned_to_its_core_as_the_kernel_sees_it() {
    for backend in BACKENDS {
        let mains = (0..3).map(|_| |_context: ShardContext| async { status("Cpus_allowed_list") });
        let found = run(backend, mains.collect()).unwrap();
        let wanted: Vec<String> = seats(3).iter().map(|seat| seat.core.to_string()).collect();
        assert_eq!(found, wanted, "{backend}");
    }
}

#[test]
fn values_come_back_in_shard_order() {
    for backend in BACKENDS {
        let mains =
            (0..3).map(|_| |context: ShardContext| async move { (context.shard(), context.shards()) });
        assert_eq!(run(backend, mains.collect()).unwrap(), [(0, 3), (1, 3), (2, 3)], "{backend}");
    }
}

/// A ping-pong over the mesh: each of two shards parks without a timer until the other sends.
fn ping_pong(backend: BackendKind, busy: bool) {
    const ROUNDS: u64 = 200;
    let mains = mesh::<u64>(2, 1).into_iter().map(|end| {
        move |context: ShardContext| async move {
            let (mut outbox, mut inbox) = end.split();
            let other = 1 - context.shard();
            if context.shard() == 0 {
                outbox.send(other, 0);
                outbox.flush(&context);
            }
            let mut last = 0;
            while last < ROUNDS {
                let Some((_, ball)) = inbox.poll() else {
                    match busy {
                        true => context.yield_now().await,
                        false => context.park(None).await,
                    }
                    continue;
                };
                last = ball + 1;
                outbox.send(other, last);
                while outbox.pending() > 0 && !outbox.flush(&context) {
                    context.yield_now().await;
                }
            }
            last
        }
    });
    for last in run(backend, mains.collect()).unwrap() {
        assert!(last >= ROUNDS);
    }
}

#[test]
fn a_parked_shard_wakes_for_each_message() {
    BACKENDS.into_iter().for_each(|backend| ping_pong(backend, false));
}

#[test]
fn a_busy_shard_sees_each_message() {
    BACKENDS.into_iter().for_each(|backend| ping_pong(backend, true));
}

#[test]
fn a_wake_before_the_park_is_not_lost() {
    for backend in BACKENDS {
        let main = |context: ShardContext| async move {
            context.wake(context.shard());
            // Would sleep for ever, and the test with it.
            context.park(None).await;
        };
        run(backend, vec![main]).unwrap();
    }
}

#[test]
fn a_park_with_a_time_ends_then_and_not_before() {
    for backend in BACKENDS {
        let main = |context: ShardContext| async move {
            let mut ends = vec![];
            for ms in [3, 1, 2] {
                let until = context.clock().monotonic_ns() + ms * MILLISECOND_NS;
                while context.clock().monotonic_ns() < until {
                    context.park(Some(until)).await;
                }
                ends.push(context.clock().monotonic_ns() - until);
            }
            ends
        };
        for late_ns in run(backend, vec![main]).unwrap().remove(0) {
            assert!(late_ns < 500 * MILLISECOND_NS, "{backend}: {late_ns} ns late");
        }
    }
}

#[test]
fn timers_end_in_the_order_of_their_times() {
    for backend in BACKENDS {
        let seen = run(
            backend,
            vec![|context: ShardContext| async move {
                let order = Rc::new(RefCell::new(vec![]));
                let base = context.clock().monotonic_ns();
                for number in 1..=5u64 {
                    let until = base + number * 2 * MILLISECOND_NS;
                    while context.clock().monotonic_ns() < until {
                        context.park(Some(until)).await;
                    }
                    order.borrow_mut().push((number, context.clock().monotonic_ns()));
                }
                Rc::try_unwrap(order).unwrap().into_inner()
            }],
        );
        let seen = seen.unwrap().remove(0);
        assert!(seen.windows(2).all(|pair| pair[0].1 < pair[1].1), "{backend}: {seen:?}");
    }
}

#[test]
fn a_panic_is_reported_with_its_message_and_stops_the_others() {
    for backend in BACKENDS {
        let mains = (0..3).map(|_| {
            |context: ShardContext| async move {
                if context.shard() == 1 {
                    panic!("shard one fell over: {}", 42);
                }
                while !context.stopping() {
                    context.park(None).await;
                }
            }
        });
        let error = run(backend, mains.collect()).unwrap_err();
        let RuntimeError::Panicked { shard, message } = error else { panic!("{error}") };
        assert_eq!((shard, message.as_str()), (1, "shard one fell over: 42"), "{backend}");
    }
}

#[test]
fn a_stop_wakes_every_parked_shard() {
    for backend in BACKENDS {
        let mains = (0..2).map(|_| {
            |context: ShardContext| async move {
                while !context.stopping() {
                    context.park(None).await;
                }
                context.shard()
            }
        });
        let running = launch(backend, mains.collect()).unwrap();
        running.stop();
        assert_eq!(running.wait().unwrap(), [0, 1], "{backend}");
    }
}

#[test]
fn the_host_is_woken_when_shards_end() {
    for backend in BACKENDS {
        let bell = Bell::new().unwrap();
        let main = |_context: ShardContext| async {};
        let running = start(backend, &seats(1), Clock::new(), bell.handle(), vec![main]).unwrap();
        while !running.finished() {
            bell.wait(Some(Duration::from_millis(1)));
        }
        running.wait().unwrap();
    }
}

/// Alone in its process: other tests open descriptors too.
#[test]
fn descriptors_are_flat_after_a_hundred_starts() {
    alone("descriptors_are_flat_after_a_hundred_starts", |_| {}, hundred_starts);
}

fn hundred_starts() {
    let open = || fs::read_dir("/proc/self/fd").unwrap().count();
    for backend in BACKENDS {
        let once = || {
            run(backend, (0..2).map(|_| |_: ShardContext| async {}).collect()).unwrap();
        };
        once();
        let before = open();
        (0..100).for_each(|_| once());
        // glommio closes a descriptor or two from a thread that outlives the executor by a moment; a leak would
        // be a hundred.
        let after = open();
        assert!(after < before + 10, "{backend}: {before} descriptors before, {after} after");
    }
}

#[test]
fn an_idle_shard_uses_less_than_one_percent_of_its_core() {
    for backend in BACKENDS {
        let main = |context: ShardContext| async move {
            const IDLE_NS: u64 = 500 * MILLISECOND_NS;
            let (before, until) = (thread_cpu_ns(), context.clock().monotonic_ns() + IDLE_NS);
            while context.clock().monotonic_ns() < until {
                context.park(Some(until)).await;
            }
            (thread_cpu_ns() - before) as f64 / IDLE_NS as f64
        };
        let share = run(backend, vec![main]).unwrap()[0];
        assert!(share < 0.01, "{backend}: {share}");
    }
}

#[test]
fn full_rings_both_ways_stall_nobody() {
    const MESSAGES: usize = 1000;
    for backend in BACKENDS {
        let mains = mesh::<usize>(3, 2).into_iter().map(|end| {
            move |context: ShardContext| async move {
                let (mut outbox, mut inbox) = end.split();
                let others: Vec<usize> = (0..3).filter(|shard| *shard != context.shard()).collect();
                // Far more than the rings hold, before anybody reads.
                for number in 0..MESSAGES {
                    others.iter().for_each(|target| outbox.send(*target, number));
                }
                outbox.flush(&context);
                assert!(outbox.pending() > 0, "the rings must be full");
                let mut received = vec![vec![]; 3];
                while received.iter().map(Vec::len).sum::<usize>() < 2 * MESSAGES || outbox.pending() > 0 {
                    let mut progress = outbox.flush(&context);
                    while let Some((from, number)) = inbox.poll() {
                        received[from].push(number);
                        progress = true;
                    }
                    if !progress {
                        context.yield_now().await;
                    }
                }
                received
            }
        });
        for (shard, received) in run(backend, mains.collect()).unwrap().into_iter().enumerate() {
            for (from, numbers) in received.into_iter().enumerate().filter(|(from, _)| *from != shard) {
                assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>(), "{backend}: {from} to {shard}");
            }
        }
    }
}

#[test]
fn a_ring_from_another_thread_wakes_its_shard_and_closes() {
    for backend in BACKENDS {
        let main = |context: ShardContext| async move {
            let (mut sender, mut receiver) = ring(4, context.wake_handle());
            let thread = std::thread::spawn(move || {
                for number in 0..100 {
                    let mut waiting = Some(number);
                    while let Some(number) = waiting.take() {
                        waiting = sender.try_send(number).err();
                    }
                }
            });
            let mut received = vec![];
            while !receiver.closed() {
                match receiver.poll() {
                    Some(number) => received.push(number),
                    None => context.park(None).await,
                }
            }
            thread.join().unwrap();
            received
        };
        assert_eq!(run(backend, vec![main]).unwrap()[0], (0..100).collect::<Vec<_>>(), "{backend}");
    }
}

#[test]
fn files_are_written_renamed_and_read_back() {
    for backend in BACKENDS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er");
        let main = |context: ShardContext| async move {
            let disk = context.disk();
            disk.create_dir_all(&path).await.unwrap();
            let (hidden, complete) = (path.join(".a"), path.join("a"));
            let bytes: Vec<u8> = (0..3_000_000u32).map(|number| number as u8).collect();
            let mut file = disk.create(&hidden).await.unwrap();
            for chunk in bytes.chunks(1_300_000) {
                file.append(chunk.to_vec()).await.unwrap();
            }
            file.finish().await.unwrap();
            disk.rename(&hidden, &complete).await.unwrap();
            assert!(!disk.exists(&hidden).await && disk.exists(&complete).await);
            let file = disk.open_read(&complete).await.unwrap();
            assert_eq!(file.len(), bytes.len() as u64);
            assert_eq!(file.read_at(0, bytes.len() + 10).await.unwrap(), bytes);
            assert_eq!(file.read_at(2_999_990, 100).await.unwrap(), bytes[2_999_990..]);
            assert_eq!(file.read_at(9_000_000, 100).await.unwrap(), Vec::<u8>::new());
            let missing = disk.open_read(&path.join("b")).await.err().unwrap();
            assert_eq!(missing.source.kind(), std::io::ErrorKind::NotFound);
            assert!(missing.path.ends_with("deep/er/b"));
            let folder = disk.open_read(&path).await.err().unwrap();
            assert_eq!(folder.source.kind(), std::io::ErrorKind::IsADirectory);
        };
        run(backend, vec![main]).unwrap();
    }
}

#[test]
fn a_full_disk_is_recognised() {
    for backend in BACKENDS {
        let main = |context: ShardContext| async move {
            let mut file = context.disk().create("/dev/full".as_ref()).await.unwrap();
            file.append(vec![1; 1 << 16]).await.err().unwrap().source.kind()
        };
        let kind = run(backend, vec![main]).unwrap()[0];
        assert_eq!(kind, std::io::ErrorKind::StorageFull, "{backend}");
    }
}

/// Runs `body` in a process of its own, prepared by `prepare`: starts this program again for the one test
/// `test`, which calls this function again and finds itself the child.
fn alone(test: &str, prepare: fn(&mut std::process::Command), body: fn()) {
    const CHILD: &str = "MILLRACE_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return body();
    }
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(CHILD, "1");
    prepare(&mut command);
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{test}: {}\n{text}", output.status);
}

#[test]
fn without_lockable_memory_a_warning_names_the_cause_and_threads_run() {
    let prepare = |command: &mut std::process::Command| {
        use std::os::unix::process::CommandExt;
        // SAFETY: setrlimit is async-signal-safe.
        unsafe {
            command.pre_exec(|| {
                let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
                match libc::setrlimit(libc::RLIMIT_MEMLOCK, &none) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            })
        };
    };
    let body = || refused("RLIMIT_MEMLOCK");
    alone("without_lockable_memory_a_warning_names_the_cause_and_threads_run", prepare, body);
}

#[test]
fn under_a_seccomp_filter_a_warning_names_the_cause_and_threads_run() {
    alone("under_a_seccomp_filter_a_warning_names_the_cause_and_threads_run", |_| {}, under_seccomp);
}

fn under_seccomp() {
    use seccompiler::{SeccompAction, SeccompFilter, TargetArch};
    let rules = [(libc::SYS_io_uring_setup, vec![])].into_iter().collect();
    let arch: TargetArch = std::env::consts::ARCH.try_into().unwrap();
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32), arch);
    let program: seccompiler::BpfProgram = filter.unwrap().try_into().unwrap();
    seccompiler::apply_filter_all_threads(&program).unwrap();
    refused("seccomp");
}

fn refused(cause: &str) {
    let main = |context: ShardContext| async move { context.shard() };
    let running = launch(BackendKind::Auto, vec![main]).unwrap();
    let warning = running.warning().unwrap_or_default();
    assert!(warning.contains("io_uring is refused") && warning.contains(cause), "{warning}");
    assert_eq!(running.backend(), "threads");
    assert_eq!(running.wait().unwrap(), [0]);
    let Err(error) = launch(BackendKind::Glommio, vec![main]) else { panic!("glommio ran") };
    assert!(error.to_string().contains(cause) && error.to_string().contains("--backend threads"), "{error}");
}

/// A port of the local machine that nobody has.
fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}

/// Sends back what comes until the peer sends no more. Sleeps without a timer: only the socket can wake it.
async fn echo(context: &ShardContext, mut connection: Connection) -> usize {
    let (mut waiting, mut echoed, mut ended) = (vec![], 0, false);
    loop {
        let written = connection.write(&waiting).unwrap();
        waiting.drain(..written);
        echoed += written;
        if waiting.is_empty() && ended {
            connection.finish().unwrap();
            return echoed;
        }
        match if waiting.is_empty() { connection.read().unwrap() } else { None } {
            Some(bytes) if bytes.is_empty() => ended = true,
            Some(bytes) => waiting = bytes,
            None if written == 0 => context.park(None).await,
            None => {}
        }
    }
}

async fn serve(context: ShardContext, listener: ListenSocket) -> usize {
    let listener = context.net().listener(listener).unwrap();
    loop {
        match listener.accept().unwrap() {
            Some((connection, _)) => return echo(&context, connection).await,
            None => context.park(None).await,
        }
    }
}

#[test]
fn a_parked_shard_wakes_for_its_sockets() {
    const BYTES: usize = 20 << 20;
    for backend in BACKENDS {
        let port = free_port();
        let listener = listen("127.0.0.1", port, 1).unwrap().remove(0);
        let running = launch(backend, vec![move |context| serve(context, listener)]).unwrap();
        let mut sending = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let mut receiving = sending.try_clone().unwrap();
        let sent: Vec<u8> = (0..BYTES).map(|at| (at % 251) as u8).collect();
        let expected = sent.clone();
        // More than the kernel buffers: the shard must wait for room, and go on.
        let sender = thread::spawn(move || {
            sending.write_all(&sent).unwrap();
            sending.shutdown(Shutdown::Write).unwrap();
        });
        let mut received = vec![];
        receiving.read_to_end(&mut received).unwrap();
        sender.join().unwrap();
        assert!(received == expected, "{backend}: the bytes that were sent come back");
        assert_eq!(running.wait().unwrap(), [BYTES], "{backend}");
    }
}

/// The kernel tells once of connections that came together; a shard that takes all there are misses none.
#[test]
fn connections_that_come_together_are_all_accepted() {
    const CLIENTS: usize = 20;
    for backend in BACKENDS {
        let port = free_port();
        let listener = listen("127.0.0.1", port, 1).unwrap().remove(0);
        let clients: Vec<TcpStream> =
            (0..CLIENTS).map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
        let main = |context: ShardContext| async move {
            let listener = context.net().listener(listener).unwrap();
            let mut connections = vec![];
            while let Some((connection, _)) = listener.accept().unwrap() {
                connections.push(connection);
            }
            connections.len()
        };
        assert_eq!(run(backend, vec![main]).unwrap(), [CLIENTS], "{backend}");
        drop(clients);
    }
}

#[test]
fn a_shard_may_call_a_peer() {
    for backend in BACKENDS {
        let peer = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let socket: ConnectedSocket =
            connect("localhost", peer.local_addr().unwrap().port(), 1).unwrap().remove(0);
        let main = |context: ShardContext| async move {
            let connection = context.net().connection(socket).unwrap();
            echo(&context, connection).await
        };
        let running = launch(backend, vec![main]).unwrap();
        let (mut called, _) = peer.accept().unwrap();
        called.write_all(b"hello").unwrap();
        called.shutdown(Shutdown::Write).unwrap();
        let mut received = String::new();
        called.read_to_string(&mut received).unwrap();
        assert_eq!((received.as_str(), running.wait().unwrap()), ("hello", vec![5]), "{backend}");
    }
}

#[test]
fn a_port_is_shared_by_shards_and_with_nobody_else() {
    let port = free_port();
    let listeners = listen("127.0.0.1", port, 2).unwrap();
    let refused = listen("127.0.0.1", port, 2).unwrap_err();
    assert!(matches!(&refused, NetError::Listen { source, .. } if source.kind() == ErrorKind::AddrInUse));
    drop(listeners);
    listen("127.0.0.1", port, 2).unwrap();
    let nobody = connect("127.0.0.1", port, 1).unwrap_err();
    assert!(nobody.to_string().contains("connecting to 127.0.0.1"), "{nobody}");
}
