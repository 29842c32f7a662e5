//! Known bugs that a test can plant, to see that the simulator finds them.

/// A mistake that an implementation of the protocol can make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    not(feature = "planted-bugs"),
    expect(unreachable_pub, dead_code, reason = "only tests may name a bug")
)]
pub enum Bug {
    /// Agreement takes 2f + 1 votes, also where n is not 3f + 1.
    QuorumOfTwoFaultsAndOne,
    /// VIEW-CHANGE leaves P out.
    NoPreparedCertificates,
    /// Entering a view forgets what was prepared in earlier ones.
    PreparedForgottenOnEntry,
    /// NEW-VIEW takes the certificate of the earliest view, not of the latest.
    EarliestViewWins,
    /// NEW-VIEW needs f + 1 VIEW-CHANGEs.
    NewViewOfWeakQuorum,
    /// O is not computed again by the backups.
    NewViewTrusted,
    /// The certificates in a VIEW-CHANGE are not verified.
    ViewChangeTrusted,
    /// A slot above the high watermark is taken.
    WatermarkOffByOne,
    /// What is said does not wait for the log.
    SentBeforeDurable,
    /// A restart does not read the promises in the log.
    PromisesForgotten,
    /// A second PRE-PREPARE replaces the first, and the guard signs for both.
    SecondProposalTaken,
    /// COMMIT is sent as soon as the proposal is there.
    CommitWithoutPrepared,
    /// A prepared certificate is one vote short.
    PreparedOneShort,
    /// A decision is made as soon as the slot is prepared.
    DecidedWhenPrepared,
    /// COMMITs count for the slot whatever their digest.
    CommitsOfAnyDigest,
    /// PREPAREs count for the slot whatever their digest.
    PreparesOfAnyDigest,
    /// The same validator's vote counts each time it comes.
    RepeatedVotesCount,
    /// Signatures of votes are not verified.
    SignaturesNotVerified,
    /// Proposals are not verified.
    ProposalsNotVerified,
    /// Decisions that are handed over are not verified.
    TransferTrusted,
    /// Checkpoint certificates that are handed over are not verified.
    StableTrusted,
    /// A checkpoint is stable with f + 1 votes.
    StableByWeakQuorum,
    /// Decisions are delivered as they come, gaps or not.
    GapsSkipped,
    /// The chain leaves the slot's digest out.
    ChainIgnoresDecision,
    /// A replica goes on voting in the view that it has left.
    VotesInOldView,
    /// Nothing is sent again.
    NothingSentAgain,
    /// The progress timer is not started by requests that wait.
    TimerNotStarted,
    /// A new view leaves gaps as gaps instead of filling them with null requests.
    GapsNotFilled,
    /// The same view is left for with a different VIEW-CHANGE after a restart.
    ViewChangeForgotten,
    /// A restart goes on voting although the log has lost promises.
    LossIgnored,
    /// A primary that has just restarted begins its slots anew.
    SlotsBegunAnew,
    /// A certificate holds votes for whatever digest came.
    CertificateOfAnyVotes,
    /// In the second epoch the quorum of the first counts.
    QuorumOfTheEpochBefore,
    /// An epoch ends at the first checkpoint after its roster's end is decided, although slots above
    /// it may be voted on already.
    EpochEndsAtOnce,
    /// An epoch's roster goes on voting above the epoch's last slot.
    VotesPastTheEnd,
    /// A roster is changed because that was decided, approved or not.
    UnapprovedRosterTaken,
    /// The last checkpoint of an epoch does not name the next roster.
    LastCheckpointOmitsRoster,
    /// The slots up to the end of an epoch wait for proposals.
    EndNotFilled,
    /// Who has handed over says nothing to those who have not.
    SilentAfterHandover,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    /// Whether the mistake is one that the guard would stop, so that it needs a guard that does not.
    pub(crate) const fn is_blind(self) -> bool {
        matches!(
            self,
            Self::SecondProposalTaken
                | Self::VotesInOldView
                | Self::PromisesForgotten
                | Self::SlotsBegunAnew
                | Self::ViewChangeForgotten
        )
    }
}
