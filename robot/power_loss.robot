*** Settings ***
Documentation       Power is lost inside the flash operations of an update, and again in the recovery.
Resource            harness/robot/power_cuts.resource
Test Setup          Version 2 Waits Beside Version 1


*** Test Cases ***
The First Operation Is Never Started
    When Power Is Lost At Operation 0    none
    Then The New Version 2 Runs
    And No Rule Is Broken

A Record Of The Journal Is Torn
    When Power Is Lost At Operation 2    some
    Then The New Version 2 Runs
    And No Rule Is Broken

An Operation Is Finished But Nobody Noticed
    When Power Is Lost At Operation 40    all
    Then The New Version 2 Runs
    And No Rule Is Broken

Power Is Lost Twice
    When Power Is Lost At Operation 60    most
    And Power Is Lost Again At Operation 0    some
    Then The New Version 2 Runs
    And No Rule Is Broken

Power Is Lost Three Times
    When Power Is Lost At Operation 60    most
    And Power Is Lost Again At Operation 3    all
    And Power Is Lost Again At Operation 1    some
    Then The New Version 2 Runs
    And No Rule Is Broken

Power Is Lost At A Moment
    Skip Unless Engine Shows    time
    When Power Is Lost After 150.25ms
    Then The New Version 2 Runs
    And No Rule Is Broken

Power Is Lost At Many Moments
    Then Losing Power At Any Of 25 Moments Does No Harm

A Mistake In The Bootloader Is Found
    [Setup]    Prepare A Device With A Mistake    counter-before-install
    Given The Device Is In Case update
    When Power Is Lost At Operation 40
    Then The Harness Reports bootable
